"""Why a run ended as it did, in plain words.

`gather` asks AWS (it is the only module here that does), one module per kind of log reads its text, `causes` knows what
usually lies behind an error, and `notice` writes what people read. All but `gather` are pure. Nothing here raises: an
error while explaining an error helps nobody.
"""
