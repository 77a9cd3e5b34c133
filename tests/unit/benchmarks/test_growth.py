"""What is said of how unzip and pca grow, of runs that took no time."""

from benchmarks.growth import charged, reported, unzipped
from benchmarks.turns import Result
from benchmarks.unzip_run import OURS, STREAM


def test_time_memory_and_money_of_many_images() -> None:
    def ours(seconds: float, **more: float) -> Result:
        return Result(OURS, ({"seconds": seconds, "jvm_mb": 440.2, "python_mb": 330.7, **more},))

    found = {
        100_000: {OURS: ours(5, writes=20, reads=10), STREAM: Result(STREAM, ({"seconds": 2},))},
        1_000_000: {OURS: ours(45, writes=30, reads=25), STREAM: Result(STREAM, ({"seconds": 20},))},
    }
    grown = [(row[0], *row[4:]) for row in unzipped(found).rows]
    assert grown[2:] == [
        (f"{OURS}, 1,000,000", "9.0", "440", "331", "1.00"),
        (f"{STREAM}, 1,000,000", "10.0", "", "", "0.44"),
    ]
    assert [row[1:] for row in charged(found).rows] == [
        ("20", "10", "0.0001", "", ""),
        ("100,100", "100,000", "0.5405", "1,000", "29"),
        ("30", "25", "0.0002", "", ""),
        ("1,001,000", "1,000,000", "5.4050", "10,000", "286"),
    ]


def test_the_whole_pca_stage_grows_beside_the_least_rows() -> None:
    def took(seconds: float, **more: float) -> Result:
        peaks = {"jvm_mb": 500.4, "python_mb": 250.0, "worker_mb": 230.0}
        return Result("", ({"seconds": seconds, "report": seconds / 4, **peaks, **more},))

    table = reported({100_000: took(20, gigabytes=0.52), 1_000_000: took(90, gigabytes=5.2)})
    assert table.header[2] == "times the 100,000"
    assert table.rows == (
        ("100,000", "20.0", "1.0", "5.0", "500", "250", "230", "0.5", "1"),
        ("1,000,000", "90.0", "4.5", "22.5", "500", "250", "230", "5.2", "1"),
    )
