"""A zip of images becomes features and principal components, on a Spark cluster that exists only while it works.

Importing this package costs nothing: AWS, Spark, ONNX Runtime and TensorFlow are imported by the parts that use them.
"""

__version__ = "0.1.0"
