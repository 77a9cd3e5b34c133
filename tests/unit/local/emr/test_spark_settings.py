import shlex

from orchard.local.emr.spark_settings import exported_variables, local_settings, properties_file, spark_defaults

CONFIGURATIONS = [
    {
        "Classification": "spark-defaults",
        "Properties": {
            "spark.executor.memory": "18g",
            "spark.executorEnv.OMP_NUM_THREADS": "1",
            "spark.yarn.appMasterEnv.PYSPARK_PYTHON": "/mnt/python",
            "spark.dynamicAllocation.enabled": "true",
            "spark.driver.memory": "10g",
            "spark.submit.deployMode": "cluster",
            "spark.kubernetes.driver.podTemplateFile": "s3://a/pod.yaml",
            "spark.hadoop.fs.s3a.aws.credentials.provider": "software.amazon.awssdk.auth.credentials.Any",
            "spark.sql.shuffle.partitions": "8",
        },
    },
    {"Classification": "core-site", "Properties": {"fs.s3a.threads.max": "64"}},
    {"Classification": "spark", "Properties": {"maximizeResourceAllocation": "true"}},
    {
        "Classification": "spark-env",
        "Properties": {"IGNORED": "yes"},
        "Configurations": [
            {"Classification": "export", "Properties": {"PYSPARK_PYTHON": "/mnt/venv/bin/python"}},
            {"Classification": "other", "Properties": {"IGNORED": "too"}},
        ],
    },
    {"Classification": "yarn-env", "Configurations": [{"Classification": "export", "Properties": {"X": "1"}}]},
]


def test_what_concerns_other_machines_is_left_out() -> None:
    assert spark_defaults(CONFIGURATIONS) == {
        "spark.executorEnv.OMP_NUM_THREADS": "1",
        "spark.sql.shuffle.partitions": "8",
        "spark.hadoop.fs.s3a.threads.max": "64",
    }


def test_only_sparks_own_exports_are_its_environment() -> None:
    assert exported_variables(CONFIGURATIONS) == {"PYSPARK_PYTHON": "/mnt/venv/bin/python"}


def test_one_machine_is_its_own_master_and_reads_s3_through_s3a() -> None:
    settings = local_settings(
        endpoint="http://127.0.0.1:4566",
        metadata="http://127.0.0.1:4566/_instance/role.node/",
        home="/my home",
        cores=2,
        class_path="/jars/*",
        scratch="/tmp/x",
    )

    assert settings["spark.master"] == "local[2,4]"
    assert settings["spark.hadoop.fs.s3.impl"] == settings["spark.hadoop.fs.s3a.impl"]
    assert settings["spark.hadoop.fs.s3a.endpoint"] == "http://127.0.0.1:4566"
    assert settings["spark.driver.extraClassPath"] == "/jars/*"
    assert shlex.split(settings["spark.driver.extraJavaOptions"])[1:] == [
        "-Duser.home=/my home",
        "-Dcom.amazonaws.sdk.ec2MetadataServiceEndpointOverride=http://127.0.0.1:4566/_instance/role.node",
    ]
    assert not [name for name in settings if "region" in name or "key" in name or "credentials" in name]


def test_a_properties_file_escapes_what_java_would_read_otherwise() -> None:
    assert properties_file({"b": "two words", "a": "back\\slash\nline"}) == "a back\\\\slash\\nline\nb two words\n"
