"""The code blocks of the README and of docs/, as they are printed."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NEEDS_WEIGHTS, TAKES_MINUTES = "needs weights", "takes minutes"
MARKS = (NEEDS_WEIGHTS, TAKES_MINUTES)
_FENCE = re.compile(r"^(?:<!-- (?P<mark>[^>]*) -->\n\s*)?```(?P<language>\w*)\n(?P<code>.*?)^```$", re.M | re.S)
_FILE = re.compile(r"# (?P<name>[\w./]+\.(?:py|toml))\n")
_PRINTED = re.compile(r"^print\(.*\)  # (?P<said>.*)$", re.M)
_WARNINGS = re.compile(r"# (?P<names>\w+Warning(?:, \w+Warning)*)$", re.M)
_STEPS = re.compile(r"(?P<before>\blearn\(|\b(?:steps|total_timesteps)\s*=\s*|--steps )[\d_]+")


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block of a page."""

    page: Path
    language: str
    mark: str | None
    code: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file that the block is, where its first line names one."""
        found = _FILE.match(self.code)
        return found["name"] if found else None

    @property
    def prints(self) -> list[str]:
        """What the comments behind its prints say."""
        return _PRINTED.findall(self.code)

    @property
    def warnings(self) -> list[str]:
        """Names of the warnings that its comments announce."""
        return [name for names in _WARNINGS.findall(self.code) for name in names.split(", ")]

    @property
    def short(self) -> str:
        """The code with its number of steps cut to 500."""
        return _STEPS.sub(r"\g<before>500", self.code)


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page=page,
            language=found["language"],
            mark=found["mark"],
            code=found["code"],
            line=text.count("\n", 0, found.start("code")) + 1,
        )
        for found in _FENCE.finditer(text)
    ]


def commands_of(block: Block) -> list[str]:
    """The commands of a shell block, without comments, continued lines joined."""
    lines = re.sub(r"\\\n\s*", "", block.code).splitlines()
    return [line.removeprefix("$ ").strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
