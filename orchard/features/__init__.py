"""From the bytes of a picture to its 1280 MobileNetV2 features, and the model that does it.

`pixels` decodes, `engines` computes, `featurize` puts the two together without losing a picture. `weights`, `network`
and `export` make the model once, at build time; `model` is the folder that they leave and that every node reads.
"""
