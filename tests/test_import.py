"""``import impasto`` is a matter of milliseconds."""

import subprocess
import sys

HEAVY = ("torch", "numpy", "PIL", "lightning", "jsonargparse", "rich", "safetensors")


def run(code: str) -> str:
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    return answer.stdout.strip()


def test_import_takes_less_than_a_tenth_of_a_second():
    # Time on the processor, not on the clock: the machine may be busy with something else.
    code = (
        "import time; start = time.process_time(); import impasto; "
        "print(time.process_time() - start)"
    )
    assert min(float(run(code)) for _ in range(3)) < 0.1


def test_import_loads_no_heavy_library():
    assert run(f"import sys, impasto; print([m for m in {HEAVY} if m in sys.modules])") == "[]"


def test_asking_for_the_version_loads_no_heavy_library():
    code = (
        f"import sys, impasto; impasto.__version__; print([m for m in {HEAVY} if m in sys.modules])"
    )
    assert run(code) == "[]"


def test_painting_never_loads_the_training_library():
    code = (
        "import sys, impasto; impasto.stylize, impasto.Stylizer; print('lightning' in sys.modules)"
    )
    assert run(code) == "False"


def test_import_leaves_the_process_as_it_was():
    code = (
        "import random, warnings, os\n"
        "before = (random.getstate(), list(warnings.filters), dict(os.environ))\n"
        "import impasto\n"
        "print(before == (random.getstate(), list(warnings.filters), dict(os.environ)))"
    )
    assert run(code) == "True"
