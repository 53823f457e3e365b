"""Everything that must hold before a change lands: `pip install nox && nox`.

Sessions run from the quickest to the slowest. Rust must be installed; all else is fetched into the
sessions' own environments. `nox -l` lists them, also those that are run on demand.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.stop_on_first_error = True
nox.options.error_on_missing_interpreters = False
nox.options.sessions = [
    "lint",
    "licences",
    "rust",
    "types",
    "tests",
    "readme",
    "docs",
    "wheels",
    "semantic",
    "inspect",
    "postgres",
    "reliability",
    "crewai_legacy",
    "crewai_unified",
    "crewai_tools",
    "crewai_official",
    "frameworks",
]

ROOT = Path(__file__).parent
FUZZ = ROOT / "tests" / "fuzz"
FRAMEWORKS = ROOT / "tests" / "frameworks"
WHEELS = ROOT / "target" / "wheels-under-test"
# Licences that may come with agentmem. All are permissive: they ask for no more than that their text is kept.
LICENCES = ["MIT", "MIT License", "BSD-2-Clause", "BSD-3-Clause", "BSD License", "Apache-2.0", "PSF-2.0"]
LICENCES += ["Apache Software License", "3-Clause BSD License", "Apache-2.0 OR BSD-2-Clause"]
LICENCES += ["BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0"]
# The core without Python, and what its benchmarks and fuzz targets need.
CORE = ["--no-default-features", "--features", "internals,postgres"]
PYTEST = ["pytest>=8", "hypothesis>=6.100", "pytest-timeout>=2.3", "pydantic>=2.11"]
# Tests with sessions of their own.
OTHERS = ["crewai", "frameworks", "inspector", "postgres", "postgres_soak", "reliability", "semantic"]
QUIET = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "CREWAI_TESTING": "true",
    "OTEL_SDK_DISABLED": "true",
}


def sources() -> dict[str, float]:
    """When each file that ends up in the wheel was last changed."""
    names = ["Cargo.toml", "Cargo.lock", "pyproject.toml", "README.md", "LICENSE", "THIRD_PARTY_NOTICES"]
    tracked = [ROOT / name for name in names] + [ROOT / ".cargo" / "config.toml"]
    for folder in ("src", "migrations", "agentmem"):
        tracked += [path for path in (ROOT / folder).rglob("*") if path.suffix not in {".pyc", ".so", ".pyd"}]
    return {str(path.relative_to(ROOT)): path.stat().st_mtime for path in tracked if path.is_file()}


def install_agentmem(session: nox.Session, *extra: str) -> None:
    """Install the wheel of the working tree, built once for all sessions, and what else the session needs."""
    stamp = WHEELS / "sources.json"
    if not stamp.exists() or json.loads(stamp.read_text()) != sources():
        session.install("maturin>=1.9,<2")
        for old in WHEELS.glob("*"):
            old.unlink()
        session.run("maturin", "build", "--release", "--locked", "--out", str(WHEELS))
        stamp.write_text(json.dumps(sources()))
    (wheel,) = WHEELS.glob("*.whl")
    session.install(*extra, str(wheel))
    session.chdir(ROOT / "tests")  # so that the installed package is tested, not the working tree


def cargo_tool(session: nox.Session, name: str, version: str) -> str:
    """Build a tool of cargo's once, into target/tools; its path."""
    tools = ROOT / "target" / "tools"
    pinned = [name, "--version", version, "--locked", "--root", str(tools)]
    session.run("cargo", "install", *pinned, external=True)
    return str(tools / "bin" / name)


@nox.session
def lint(session: nox.Session) -> None:
    """Check the style of Rust and Python, and the workflows."""
    session.install("ruff>=0.17.6,<0.18", "zizmor==1.32.0", "check-jsonschema>=0.33,<1")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    for manifest in ("Cargo.toml", "tests/fuzz/Cargo.toml"):
        session.run("cargo", "fmt", "--check", "--manifest-path", manifest, external=True)
    session.run("zizmor", "--offline", "--no-progress", "--pedantic", ".github")
    workflows = sorted(str(path) for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    for schema, files in {
        "vendor.github-workflows": workflows,
        "vendor.dependabot": [".github/dependabot.yml"],
        "vendor.citation-file-format": ["CITATION.cff"],
    }.items():
        session.run("check-jsonschema", "--builtin-schema", schema, *files)


@nox.session
def licences(session: nox.Session) -> None:
    """Check the licences of what users install, and that THIRD_PARTY_NOTICES is current."""
    project = nox.project.load_toml(ROOT / "pyproject.toml")["project"]
    # The extra of a framework brings only what its users have chosen themselves.
    extras = project["optional-dependencies"]
    session.install("pip-licenses>=5,<6", *project["dependencies"], *extras["semantic"], *extras["inspect"])
    own = ["pip-licenses", "prettytable", "wcwidth", "tomli"]
    session.run("pip-licenses", f"--allow-only={';'.join(LICENCES)}", "--ignore-packages", *own)
    session.run("python", ".ci/notices.py", "--check")


@nox.session(venv_backend="none")
def deny(session: nox.Session) -> None:
    """Check licences, sources and duplicates of all crates, see deny.toml; `-- advisories` needs GitHub."""
    deny = cargo_tool(session, "cargo-deny", "0.20.2")
    checks = session.posargs or ["licenses", "sources", "bans"]
    session.run(deny, "--locked", "check", *checks, external=True)


@nox.session(venv_backend="none")
def rust(session: nox.Session) -> None:
    """Lint the core, test it without Python, and check the links in its documentation."""
    for features in (["--no-default-features"], ["--features", "internals"]):
        session.run(
            "cargo", "clippy", "--locked", "--all-targets", *features, "--", "-D", "warnings", external=True
        )
    # The same commit gives the same result; the session `soak` looks for new cases.
    session.run("cargo", "test", "--locked", *CORE, env={"PROPTEST_RNG_SEED": "1"}, external=True)
    links = {"RUSTDOCFLAGS": "-D warnings -A rustdoc::private_intra_doc_links"}
    document = ["cargo", "doc", "--locked", "--no-deps", "--document-private-items", "--no-default-features"]
    session.run(*document, env=links, external=True)


# The oldest C libraries that the wheels for Linux need: glibc 2.17, or musl 1.2.
LINUX = {
    "x86_64-unknown-linux-gnu": "manylinux2014",
    "aarch64-unknown-linux-gnu": "manylinux2014",
    "x86_64-unknown-linux-musl": "musllinux_1_2",
    "aarch64-unknown-linux-musl": "musllinux_1_2",
}


@nox.session
def wheels(session: nox.Session) -> None:
    """Build the wheel for Linux on x86-64 with zig, check what it needs, and try it on each Python found.

    `-- all` builds the wheels for ARM and for musl too.
    """
    session.install("-r", str(ROOT / ".ci" / "wheels.txt"), "auditwheel>=6", "abi3audit", "twine>=6")
    dist = ROOT / "target" / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    for target in LINUX if "all" in session.posargs else list(LINUX)[:1]:
        if shutil.which("rustup"):
            session.run("rustup", "target", "add", target, external=True)
        build = ["maturin", "build", "--release", "--locked", "--zig", "--target", target, "--out", str(dist)]
        session.run(*build, "--compatibility", LINUX[target])
    built = [str(path) for path in dist.glob("*.whl")]
    for wheel in (path for path in built if "manylinux" in path):
        needs = session.run("auditwheel", "show", wheel, silent=True) or ""
        session.log(needs)
        if "manylinux_2_17" not in needs:
            session.error(f"{wheel} needs a newer glibc than 2.17")
    session.run("abi3audit", "--strict", *built)
    session.run("twine", "check", "--strict", *built)
    (own,) = dist.glob("*manylinux*x86_64.whl")
    for python in pythons_found():
        fresh = Path(session.create_tmp()) / "fresh"
        session.run(python, "-m", "venv", "--clear", str(fresh), external=True)
        session.run(str(fresh / "bin" / "pip"), "install", "--quiet", str(own), external=True)
        session.run(str(fresh / "bin" / "python"), str(ROOT / ".ci" / "smoke.py"), external=True)


def pythons_found() -> list[str]:
    """One Python of each supported version: of those on the path and those that pyenv has installed."""
    installed = Path.home() / ".pyenv" / "versions"
    found = []
    for minor in range(10, 20):
        paths = [shutil.which(f"python3.{minor}"), *sorted(installed.glob(f"3.{minor}.*/bin/python"))]
        works = (str(path) for path in paths if path and subprocess.run([path, "-c", ""]).returncode == 0)
        found += [*works][:1]
    return found


@nox.session
def types(session: nox.Session) -> None:
    """Check the package's types, and its stubs against the compiled module."""
    install_agentmem(session, "mypy>=1.13", "numpy")
    session.chdir(session.create_tmp())  # tests/crewai would be taken for crewai
    config = str(ROOT / "pyproject.toml")
    session.run("mypy", "--strict", "--config-file", config, "-p", "agentmem")
    session.run("mypy", "--strict", "--config-file", config, str(ROOT / "tests" / "typed"))
    session.run("python", "-m", "mypy.stubtest", "agentmem._core", "--mypy-config-file", config)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the Python tests; arguments go to pytest."""
    install_agentmem(session, *PYTEST)
    session.run("pytest", *(f"--ignore={folder}" for folder in OTHERS), *session.posargs)


@nox.session(python=["3.10", "3.12", "3.13", "3.14"])
def pythons(session: nox.Session) -> None:
    """Run the Python tests on other versions of Python; those that are not installed are skipped."""
    tests(session)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure what the tests of Rust and Python cover; needs LLVM's tools, see CONTRIBUTING.md."""
    llvm_cov = [cargo_tool(session, "cargo-llvm-cov", "0.9.1"), "llvm-cov"]
    target = ROOT / "target" / "coverage"
    env = {
        "CARGO_TARGET_DIR": str(target),
        "COVERAGE_FILE": str(target / "python"),
        "COVERAGE_RCFILE": str(ROOT / "pyproject.toml"),
        "LLVM_COV": llvm_tool(session, "llvm-cov"),
        "LLVM_PROFDATA": llvm_tool(session, "llvm-profdata"),
    }
    show = [*llvm_cov, "show-env", "--no-cfg-coverage"]
    for line in subprocess.check_output(show, env=os.environ | env, encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        env[name] = value.strip("'")
    session.run(*llvm_cov, "clean", "--workspace", env=env, external=True)
    session.run("cargo", "test", "--locked", *CORE, env=env, external=True)
    session.install("maturin>=1.9,<2", "coverage>=7.10,<8", *PYTEST)
    session.run("maturin", "build", "--profile", "dev", "--locked", "--out", str(target / "wheels"), env=env)
    (wheel,) = (target / "wheels").glob("*.whl")
    session.install("--force-reinstall", str(wheel))
    session.chdir(ROOT / "tests")
    pytest = ["pytest", "--timeout=1800", *(f"--ignore={folder}" for folder in OTHERS)]
    session.run("coverage", "run", "-m", *pytest, env=env)
    session.run("coverage", "combine", env=env)
    session.chdir(ROOT)
    elsewhere = ["--ignore-filename-regex", "backend/postgres/"]
    session.run(*llvm_cov, "report", *elsewhere, env=env, external=True)
    session.run("coverage", "report", env=env)


def llvm_tool(session: nox.Session, name: str) -> str:
    """The path of a tool that reads the profiles of Rust's compiler: the toolchain's own, else Debian's."""
    libraries = subprocess.check_output(["rustc", "--print", "target-libdir"], encoding="utf-8").strip()
    own = shutil.which(name, path=str(Path(libraries).parent / "bin"))
    return own or shutil.which(f"{name}-19") or session.skip(f"{name} is not installed")


@nox.session
def readme(session: nox.Session) -> None:
    """Run the examples of the README and of the docstrings, and the demo."""
    install_agentmem(session, *PYTEST)
    session.run("pytest", "test_readme.py")
    session.run("python", "-m", "agentmem", "demo")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into target/site; a dead link is an error. It needs Python 3.11."""
    if sys.version_info < (3, 11):
        session.skip("zensical needs Python 3.11")
    install_agentmem(session, "zensical==0.0.73", "mkdocstrings-python>=2,<3", "ruff>=0.17.6,<0.18")
    session.chdir(ROOT)
    session.run("python", ".ci/docs.py", "prepare")
    session.run("zensical", "build", "--strict", "--clean")
    session.run("python", ".ci/docs.py", "llms")


@nox.session
def semantic(session: nox.Session) -> None:
    """Run the tests of the embedder "minilm" with the real model."""
    project = nox.project.load_toml(ROOT / "pyproject.toml")["project"]
    install_agentmem(session, *PYTEST, "tokenizers>=0.20", *project["optional-dependencies"]["semantic"])
    session.run("pytest", "semantic", *session.posargs)


@nox.session
def inspect(session: nox.Session) -> None:
    """Run the inspector in Chromium; pictures of all its screens are in target/inspector."""
    project = nox.project.load_toml(ROOT / "pyproject.toml")["project"]
    browser = ["playwright>=1.50,<2", "axe-playwright-python==0.1.8", "httpx2>=2,<3"]
    install_agentmem(session, *PYTEST, *browser, *project["optional-dependencies"]["inspect"])
    pictures = {"AGENTMEM_PICTURES": str(ROOT / "target" / "inspector")}
    session.run("pytest", "-rs", "inspector", *session.posargs, env=pictures)  # -rs: no Chromium is said


# What a store promises wherever it is kept.
CONTRACT = ["add", "aio", "batch", "blend", "changes", "delete", "duplicates", "embedder", "embedder_names"]
CONTRACT += ["empty_content", "expiry", "explain", "export", "filters", "forgiving_search", "ids_filter"]
CONTRACT += ["journal_log", "journal_map", "journal_values", "journals", "life_aio", "oracle"]
CONTRACT += ["order", "pickle", "pointer", "population", "private", "progress", "ranking", "record"]
CONTRACT += [
    "scope_of_ids",
    "scopes_recursive",
    "score",
    "search",
    "search_offset",
    "supersede",
    "threads",
    "version",
]


@nox.session
def postgres(session: nox.Session) -> None:
    """Run the tests of what a store promises, of several hosts and of failures on a PostgreSQL server."""
    # Of the adapters, one that keeps records and journals; `frameworks_postgres` runs them all.
    install_agentmem(session, *PYTEST, "-r", str(FRAMEWORKS / "openai_agents" / "requirements.txt"))
    # Each history and each ranking makes tables of its own.
    fewer = {"AGENTMEM_HISTORIES": "25", "AGENTMEM_RANKINGS": "25"}
    files = [f"test_{name}.py" for name in CONTRACT]
    adapter = "frameworks/openai_agents"
    session.run("pytest", "--postgres", *files, adapter, *session.posargs, env=fewer)
    session.run("pytest", "postgres", *session.posargs)


@nox.session
def reliability(session: nox.Session) -> None:
    """Kill, tear, fill and crowd stores, for minutes."""
    install_agentmem(session, *PYTEST)
    session.run("pytest", "reliability", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Do the same for as long as you like: `nox -s soak -- --minutes 60`; it ends with what was done."""
    minutes, arguments = minutes_of(session, "60")
    rounds = str(1500 + 100 * int(float(minutes)))
    session.run("cargo", "test", "--locked", *CORE, "--lib", env={"PROPTEST_CASES": rounds}, external=True)
    install_agentmem(session, *PYTEST)
    longer = {"AGENTMEM_SOAK": minutes, "AGENTMEM_HISTORIES": rounds, "AGENTMEM_RANKINGS": rounds}
    session.run(
        "pytest", "reliability", "test_oracle.py", "test_ranking.py", "--timeout=0", *arguments, env=longer
    )


@nox.session
def postgres_soak(session: nox.Session) -> None:
    """Kill hosts and servers for as long as you like: `nox -s postgres_soak -- --minutes 60`."""
    minutes, arguments = minutes_of(session, "1")
    install_agentmem(session, *PYTEST)
    longer = {"AGENTMEM_SOAK": minutes}
    session.run("pytest", "postgres_soak", "--timeout=0", *arguments, env=longer)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Look for inputs that break a promise, all targets in turn: `nox -s fuzz -- --minutes 60`."""
    minutes, arguments = minutes_of(session, "10")
    targets = sorted(path.stem for path in (FUZZ / "fuzz_targets").glob("*.rs"))
    limits = [
        f"-max_total_time={60 * float(minutes) / (len(targets) + 1):.0f}",
        "-rss_limit_mb=2048",
        "-timeout=60",
    ]
    install_agentmem(session, "atheris>=3")
    session.chdir(ROOT)
    found = ROOT / "target" / "fuzz-corpus"
    cargo_fuzz = cargo_tool(session, "cargo-fuzz", "0.13.2")
    for target in [*targets, "surface"]:
        (found / target).mkdir(parents=True, exist_ok=True)
        corpora = [str(found / target), str(FUZZ / "corpus" / target)]
        if target == "surface":
            session.run("python", str(FUZZ / "surface.py"), *limits, *arguments, *corpora)
        else:
            run = ["run", "--fuzz-dir", str(FUZZ), "--sanitizer", "none", "--target-dir", "target/fuzz"]
            command = [cargo_fuzz, *run, target, *corpora, "--", *limits, *arguments]
            session.run(*command, external=True)


def minutes_of(session: nox.Session, usual: str) -> tuple[str, list[str]]:
    """What stands behind `--minutes`, and the other arguments."""
    arguments = list(session.posargs)
    if "--minutes" not in arguments:
        return usual, arguments
    place = arguments.index("--minutes")
    return arguments[place + 1], arguments[:place] + arguments[place + 2 :]


CREWAI = {"legacy": ["crewai==1.9.3"], "unified": ["crewai==1.15.30", "lancedb"]}


@nox.session
def crewai_legacy(session: nox.Session) -> None:
    """Run crews of the last CrewAI with short-term, long-term, entity and external memory."""
    install_agentmem(session, *PYTEST, *CREWAI["legacy"])
    session.run("pytest", "crewai/legacy", "crewai/both", *session.posargs, env=QUIET)


@nox.session
def crewai_unified(session: nox.Session) -> None:
    """Run crews of today's CrewAI, with unified memory."""
    install_agentmem(session, *PYTEST, *CREWAI["unified"])
    session.run("pytest", "crewai/unified", "crewai/both", *session.posargs, env=QUIET)


# A framework that is tested with several releases has several such files: requirements-1.txt makes "mcp-1".
RELEASES = {
    path.parent.name + path.stem.removeprefix("requirements"): path
    for path in sorted(FRAMEWORKS.glob("*/requirements*.txt"))
}


# Tests keep their stores on a PostgreSQL server, also those of frameworks, which know no option --postgres.
ON_POSTGRES = {"AGENTMEM_POSTGRES": "1"}
# How many parts of a scope name a space where the adapter gives each user one.
SPACE_DEPTHS = {"anthropic": "2", "google_adk": "3"}


@nox.session
@nox.parametrize("framework", list(RELEASES))
def frameworks(session: nox.Session, framework: str) -> None:
    """Run the adapter of each framework: our tests, and the framework's own from its source on PyPI."""
    run_adapter(session, framework, {})


@nox.session
@nox.parametrize("framework", list(RELEASES))
def frameworks_postgres(session: nox.Session, framework: str) -> None:
    """Do the same with stores on a PostgreSQL server."""
    depth = {"AGENTMEM_SPACE_DEPTH": SPACE_DEPTHS.get(framework, "1")}
    run_adapter(session, framework, ON_POSTGRES | depth)


def run_adapter(session: nox.Session, framework: str, env: dict[str, str]) -> None:
    """Run the tests of an adapter."""
    sources = str(Path(session.create_tmp()).resolve())
    folder = RELEASES[framework].parent
    install_agentmem(session, *PYTEST, "-r", str(RELEASES[framework]))
    session.run("pytest", str(folder), *session.posargs, env=env)
    if (folder / "run_official.py").exists():
        session.run("python", str(folder / "run_official.py"), sources, env=env)


@nox.session
@nox.parametrize("generation", ["legacy", "unified"])
def crewai_postgres(session: nox.Session, generation: str) -> None:
    """Run crews of both generations of CrewAI with stores on a PostgreSQL server."""
    install_agentmem(session, *PYTEST, *CREWAI[generation])
    # Unified memory without a root scope uses all scopes, so its store is one space.
    for folder, depth in {"both": "1", generation: "1" if generation == "legacy" else "0"}.items():
        env = {**QUIET, **ON_POSTGRES, "AGENTMEM_SPACE_DEPTH": depth}
        session.run("pytest", f"crewai/{folder}", *session.posargs, env=env)


@nox.session
def crewai_tools(session: nox.Session) -> None:
    """Run the tool of crewai-tools that searches documents."""
    install_agentmem(session, *PYTEST, "crewai==1.15.30", "crewai-tools==1.15.30")
    session.run("pytest", "crewai/tools", *session.posargs, env=QUIET)


@nox.session
@nox.parametrize("version", ["1.9.3", "1.15.30"])
def crewai_official(session: nox.Session, version: str) -> None:
    """Run CrewAI's own tests of what a crew keeps, with and without agentmem, and compare."""
    sources = str(Path(session.create_tmp()).resolve())
    install_agentmem(session, *PYTEST, "pytest-asyncio>=1.3", "pytest-recording>=0.13", f"crewai=={version}")
    only_crewai = ["--no-deps", "--no-binary", "crewai", "--dest", sources]
    session.run("pip", "download", "--quiet", *only_crewai, f"crewai=={version}")
    shutil.unpack_archive(f"{sources}/crewai-{version}.tar.gz", sources)
    env = {**QUIET, "CREWAI_SOURCE": f"{sources}/crewai-{version}"}
    session.run("pytest", "crewai/official", *session.posargs, env=env)


@nox.session
def bench(session: nox.Session) -> None:
    """Compare quality and speed with other libraries on the data that comes with the benchmarks."""
    install_agentmem(session, "-r", str(ROOT / "benches" / "requirements.txt"))
    session.chdir(ROOT)
    session.run("python", "benches/quality.py", "--markdown")
    session.run("python", "benches/speed.py", *session.posargs)
    session.run("python", "benches/vectors.py")
    session.run("python", "benches/replaced.py")
    session.run("python", "benches/life.py")
    session.run("python", "benches/long_records.py")
