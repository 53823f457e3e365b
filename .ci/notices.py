"""Write THIRD_PARTY_NOTICES, the licences of all that is linked into the wheel: `python .ci/notices.py`.

With `--check`, fail if the file is not what would be written. The crates are those of Cargo.lock that end up
in the extension module on Linux, macOS and Windows; their texts come from cargo's own copies of the crates.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
NOTICES = ROOT / "THIRD_PARTY_NOTICES"
HTMX = ROOT / "agentmem" / "inspect" / "static" / "htmx.LICENSE"
TARGETS = ("x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc")
TEXT = re.compile(r"(licen[cs]e|copying|notice)", re.IGNORECASE)
RULE = "-" * 80

MIT = """\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without
limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the
Software, and to permit persons to whom the Software is furnished to do so, subject to the following
conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions
of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED
TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL
THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
DEALINGS IN THE SOFTWARE."""

BSD = """\
Redistribution and use in source and binary forms, with or without modification, are permitted provided that
the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this list of conditions and the
   following disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the
   following disclaimer in the documentation and/or other materials provided with the distribution.
3. Neither the name of the Snowball project nor the names of its contributors may be used to endorse or
   promote products derived from this software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED
WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A
PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT OWNER OR CONTRIBUTORS BE LIABLE FOR ANY
DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO,
PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER
CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR
OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH
DAMAGE."""

# What comes along and is no crate.
OTHERS = {
    "The Rust standard library (MIT OR Apache-2.0), https://github.com/rust-lang/rust": (
        f"Copyright (c) The Rust Project Contributors\n\n{MIT}"
    ),
    "The English stemmer of Snowball (BSD-3-Clause), https://snowballstem.org": (
        "Copyright (c) 2001, Dr Martin Porter\nCopyright (c) 2002, Richard Boulton\n"
        f"All rights reserved.\n\n{BSD}"
    ),
    "htmx 2.0.10 (0BSD), https://htmx.org": HTMX.read_text(encoding="utf-8").strip(),
}

# Crates that come without the text of their licence, each with a crate whose copy of that text serves.
WITHOUT_TEXT = {
    "pulp-wasm-simd-flag": ("pulp", "LICENSE"),
    "objc2-core-foundation": ("log", "LICENSE-APACHE"),
    "objc2-system-configuration": ("log", "LICENSE-APACHE"),
}


def cargo(*arguments: str) -> str:
    """What cargo prints."""
    command = ["cargo", *arguments, "--locked", "--features", "extension-module"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def linked_crates() -> list[dict[str, str]]:
    """The crates that end up in the wheel, in alphabetical order, as `cargo metadata` describes them."""
    targets = [argument for target in TARGETS for argument in ("--target", target)]
    tree = cargo("tree", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}", *targets)
    linked = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
    packages = json.loads(cargo("metadata", "--format-version", "1"))["packages"]
    crates = [one for one in packages if one["source"] and (one["name"], f"v{one['version']}") in linked]
    return sorted(crates, key=lambda crate: (crate["name"], crate["version"]))


def folder(crate: dict[str, str]) -> Path:
    """Where cargo keeps the sources of a crate."""
    return Path(crate["manifest_path"]).parent


def licence_texts(crate: dict[str, str], lenders: dict[str, Path]) -> list[str]:
    """The texts that come with a crate: that of the MIT licence alone where it may be chosen, else all."""
    files = sorted(path for path in folder(crate).iterdir() if TEXT.match(path.name))
    if " AND " not in crate["license"]:
        files = [path for path in files if "mit" in path.name.lower()] or files
    if crate["name"] in WITHOUT_TEXT:
        lender, name = WITHOUT_TEXT[crate["name"]]
        files.append(lenders[lender] / name)
    if not files:
        raise SystemExit(f"{crate['name']} {crate['version']} comes without the text of its licence")
    return [tidy(path.read_text(encoding="utf-8")) for path in files]


def tidy(text: str) -> str:
    """A text without blanks at the ends of its lines, and without empty lines around it."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def sqlite(crate: dict[str, str]) -> tuple[str, str]:
    """Name and notice of the SQLite that libsqlite3-sys bundles."""
    header = (folder(crate) / "sqlite3" / "sqlite3.h").read_text(encoding="utf-8")
    (version,) = re.findall(r'#define SQLITE_VERSION +"(.*)"', header)
    blessing = re.search(r"\*\* The author disclaims.*?(?=\n\*{10,})", header, flags=re.DOTALL)
    text = tidy(re.sub(r"^\*\* ?", "", blessing[0], flags=re.MULTILINE))
    return f"SQLite {version} (public domain), https://www.sqlite.org", text


def notices() -> str:
    """The whole file: a heading for each text, naming all that come under it."""
    named: dict[str, list[str]] = defaultdict(list)
    crates = linked_crates()
    lenders = {crate["name"]: folder(crate) for crate in crates}
    for crate in crates:
        for text in licence_texts(crate, lenders):
            name = f"{crate['name']} {crate['version']} ({crate['license']}), {crate['repository']}"
            named[text].append(name)
        if crate["name"] == "libsqlite3-sys":
            name, text = sqlite(crate)
            named[text].append(name)
    for name, text in OTHERS.items():
        named[text].append(name)
    head = "agentmem contains the following works of others. Each list of works is followed by its licence.\n"
    sections = ["\n".join([RULE, *names, "", text, ""]) for text, names in named.items()]
    return "\n".join([head, *sections])


def main() -> None:
    """Write the file, or check it."""
    if "--check" not in sys.argv:
        NOTICES.write_text(notices(), encoding="utf-8", newline="\n")
    elif not NOTICES.exists() or NOTICES.read_text(encoding="utf-8") != notices():
        raise SystemExit("THIRD_PARTY_NOTICES is not current: run `python .ci/notices.py`")


if __name__ == "__main__":
    main()
