"""The whole way without a framework: a pool of processes, scikit-learn's PCA, and Plotly for a page.

It leaves what people ask for: features, components, explained variance, and a page with the pictures' places on the
first two components. There are no books, no model that others can load, and nothing that goes on after a failure.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import plotly.express as px
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.decomposition import PCA

from benchmarks.peers import process_pool
from benchmarks.peers.scikit_learn_pca import read_features
from orchard.jobs.rows import lists
from orchard.options import DEFAULT_VARIANCE


def run(archive: str, model: str, target: str) -> dict[str, float]:
    """Make features, components and the page.

    Args:
        archive: A zip of pictures.
        model: The folder of an exported model.
        target: A folder to write into.

    Returns:
        How many `images` there are, and how many `components` are kept.
    """
    folder = Path(target)
    process_pool.prepare(Path(archive), Path(model), folder)()
    features = read_features(str(folder / "features")).astype(np.float64)
    pca = PCA(DEFAULT_VARIANCE, svd_solver="covariance_eigh").fit(features)
    components = pca.transform(features)
    paths = pq.read_table(folder / "features", columns=["path"])["path"]
    labels = [path.split("/")[-2] for path in paths.to_pylist()]
    pq.write_table(
        pa.table({"path": paths, "label": labels, "components": lists(components)}), folder / "components.parquet"
    )
    shares = pca.explained_variance_ratio_
    np.savetxt(folder / "explained_variance.csv", np.c_[shares, shares.cumsum()], delimiter=",")
    figure = px.scatter(x=components[:, 0], y=components[:, 1], color=labels, hover_name=paths.to_pylist())
    figure.write_html(folder / "report.html", include_plotlyjs=True)
    return {"images": len(components), "components": pca.n_components_}
