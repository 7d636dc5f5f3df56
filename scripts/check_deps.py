#!/usr/bin/env python3
"""check_deps.py - the rules of the tree that the compiler cannot check.

Who may include what, which calls library code never makes, how long a
function may be. Prints each violation as file:line: sentence; exits non-zero
if there is any.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# folder -> folders whose headers it may include besides its own
MAY_USE = {
    "core": [],
    "frontend": ["core"],
    "runtime": ["core"],
    "profiler": ["core", "runtime"],
    "solver": ["core"],
    "models": ["core"],
    "cli": ["core"],
}
# third-party header (regular expression) -> the only places that may see it;
# *_libraries.c ask for versions only
THIRD_PARTY = {
    r"glpk\.h": ["solver/ilp_glpk.c", "solver/solver_libraries.c"],
    r"(oneapi/dnnl/|dnnl).*": ["runtime/kernels/"],
    r"omp\.h": ["runtime/"],
    r"(onnx\.pb-c|protobuf-c/.*)\.h": ["frontend/"],
    r"(numa|numaif|libpmem2?|liburing)\.h": ["runtime/tiers/",
                                             "runtime/runtime_libraries.c"],
    r"sqlite3\.h": ["profiler/"],
    r"jansson\.h": ["core/", "cli/"],
    r"libsmartcols.*": ["cli/"],
    r"zlib\.h": ["core/"],
    r"xxhash\.h": ["core/"],
}
# Library code reports by status, takes memory from core/arena.h, ends nothing.
BANNED = re.compile(
    r"\b(printf|fprintf|vprintf|vfprintf|puts|putchar|perror|exit|_exit|abort"
    r"|malloc|calloc|realloc|reallocarray|strdup|strndup|asprintf|vasprintf"
    r"|sprintf|vsprintf|strcpy|strcat|strtok|gets|alloca|system|popen)\s*\(")
EXCUSED = {
    "core/arena.c": {"realloc"},  # the one allocator entry point
}
LINES_MAX = 150
COLUMNS_MAX = 80


def without_comments_and_strings(text):
    """The same lines with comments and literals blanked."""
    token = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"'
                       r"|'(?:\\.|[^'\\\n])*'", re.S)
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def check_includes(path, folder, lines):
    for number, line in enumerate(lines, 1):
        m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not m:
            continue
        name = m.group(2)
        for pattern, places in THIRD_PARTY.items():
            if (re.fullmatch(pattern, name) and
                    not any(path.startswith(p) for p in places)):
                yield number, f"{name} belongs to {' and '.join(places)} alone"
        if m.group(1) == "<" or name.startswith("autotm/"):
            continue
        if re.fullmatch(r"onnx\.pb-c\.h", name):
            continue
        here = (ROOT / path).parent
        allowed = [here] + [ROOT / f for f in [folder] + MAY_USE[folder]]
        if not any((d / name).is_file() for d in allowed):
            yield number, f"{folder} may not include {name}"


def check_calls(path, lines):
    for number, line in enumerate(lines, 1):
        for m in BANNED.finditer(line):
            if m.group(1) not in EXCUSED.get(path, ()):
                yield number, f"library code does not call {m.group(1)}"


def check_lengths(lines):
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start:
            if number - start - 1 > LINES_MAX:
                yield start, (f"a function of {number - start - 1} lines; "
                              f"at most {LINES_MAX}")
            start = None


def check_form(text, lines):
    if not text.startswith("/*"):
        yield 1, "a file begins with a comment that says what it holds"
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            yield number, f"{len(line)} columns; at most {COLUMNS_MAX}"
        if "\t" in line or line != line.rstrip():
            yield number, "tab or blank at the end of the line"


def check_file(file):
    path = file.relative_to(ROOT).as_posix()
    folder = path.split("/")[0]
    text = file.read_text()
    lines = text.splitlines()
    code = without_comments_and_strings(text).splitlines()
    found = list(check_form(text, lines))
    found += check_lengths(code)
    if folder in MAY_USE:
        found += check_includes(path, folder, lines)
        if folder != "cli":
            found += check_calls(path, code)
    return [f"{path}:{number}: {sentence}" for number, sentence in found]


def main():
    files = [f for d in [*MAY_USE, "include", "tests", "bench"]
             for f in sorted((ROOT / d).rglob("*.[ch]"))]
    found = [v for f in files for v in check_file(f)]
    print(*found, sep="\n", end="\n" if found else "")
    print(f"style: {len(files)} files, {len(found)} violations")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
