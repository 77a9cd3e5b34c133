"""The second argument of a Lambda handler, as far as Powertools reads it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FakeContext:
    function_name: str = "function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:function"
    aws_request_id: str = "52fdfc07-2182-454f-963f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000
