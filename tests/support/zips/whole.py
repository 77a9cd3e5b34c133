"""Small zips in which nothing is wrong, for the tests to spoil."""

from tests.support.zips.hostile import METHODS, Entry, Forgery, build_zip, extra_field

CONTENTS = {f"fruits/Training/Kiwi {number}/{number}.jpg": bytes([number]) * (number * 17) for number in range(8)}
ENTRIES = [
    Entry("fruits/", mode=0o40755),
    *(
        Entry(path, content, method=method)
        for (path, content), method in zip(CONTENTS.items(), (0, *METHODS), strict=True)
    ),
    Entry("fruits/README", b"read me"),
    Entry("fruits/Pêche/descriptor.png", b"d" * 40, descriptor=True, extra=extra_field(0x5455, b"\1abcd")),
]
CONTENTS["fruits/Pêche/descriptor.png"] = b"d" * 40
PLAIN = build_zip(ENTRIES)
ZIP64 = build_zip(ENTRIES, Forgery(zip64=True, comment=b"with a comment"))
WHOLE = [PLAIN, ZIP64, build_zip(ENTRIES, Forgery(prefix=b"#!/bin/sh\n", junk=b"\n"))]
