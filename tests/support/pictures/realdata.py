"""Where the real pictures and weights are, when this machine has them.

They are not the project's to commit. Every test that needs them is marked with one of these, and says so when it is
skipped; the same behaviour is also tested on pictures that the tests draw.
"""

import pytest

from tests.support.paths import ROOT

_SHARED = ROOT.parent / "shared"

SAMPLE_ZIP = _SHARED / "data" / "fruits-360-sample.zip"
TEN_K_ZIP = _SHARED / "data" / "fruits-360-10k.zip"
WEIGHTS = _SHARED / "weights" / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"

needs_real_data = pytest.mark.skipif(not SAMPLE_ZIP.exists(), reason="the real Fruits-360 zips are not on this machine")
needs_real_weights = pytest.mark.skipif(not WEIGHTS.exists(), reason="the MobileNetV2 weights are not on this machine")
