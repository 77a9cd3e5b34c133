"""What is said before the command's name, and holds for every command."""

from __future__ import annotations

from dataclasses import dataclass

from orchard.errors import command_line


@dataclass(frozen=True)
class Settings:
    """Where to work, and how much to tell.

    Attributes:
        region: The AWS region; None to find it as the AWS CLI does.
        profile: The AWS profile; likewise.
        stack: The name of the CloudFormation stack (`aws.stack.DEFAULT_STACK`, repeated to keep `--help` light).
        debug: Whether an error shows its traceback.
    """

    region: str | None = None
    profile: str | None = None
    stack: str = "orchard"
    debug: bool = False

    def command(self, *words: str) -> str:
        """What to type for another command in the same place: `orchard`, the options that lead there, the words."""
        places = {"--region": self.region, "--profile": self.profile}
        if self.stack != Settings.stack:
            places["--stack"] = self.stack
        options = [word for option, value in places.items() if value for word in (option, value)]
        return command_line(["orchard", *options, *words])
