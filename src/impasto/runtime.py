"""The machine: device, precision, seeds, memory. The only file that asks what there is."""

import contextlib
import ctypes
import functools
import os
import platform
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from impasto.checks import check_choice
from impasto.errors import InputError

if TYPE_CHECKING:
    import torch

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "bfloat16"]


def pick_device(device: str = "auto") -> "torch.device":
    """The device to work on.

    Args:
        device: "auto" takes CUDA, then MPS, then the CPU; "cuda:1" names one of several.

    Raises:
        InputError: The name is unknown, or this machine has no such device.
    """
    import torch

    kind, _, index = device.partition(":")
    check_choice("device", kind, ("auto", "cpu", "cuda", "mps"))
    if index and not index.isdigit():
        raise InputError(f"device must look like cuda:0; got {device!r}.")
    has = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if kind == "auto":
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if has[name]))
    if not has[kind]:
        present = [name for name, there in has.items() if there]
        raise InputError(
            f"device {kind} is not available on this machine; use --device {' or '.join(present)}."
        )
    if kind == "cuda" and index and int(index) >= torch.cuda.device_count():
        raise InputError(
            f"device {device} does not exist; this machine has {torch.cuda.device_count()} "
            "CUDA devices, counted from 0."
        )
    return torch.device(device)


@functools.cache
def cpu_flags() -> frozenset[str]:
    """Instruction sets of the processor as Linux names them; empty where they are not listed."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return frozenset()
    for line in path.read_text().splitlines():
        if line.startswith(("flags", "Features")):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


def has_fast_bfloat16(device: "torch.device") -> bool:
    """Whether bfloat16 is faster than float32 there.

    On a CPU without bfloat16 instructions (amx_bf16, avx512_bf16, Arm's bf16) convolutions in
    bfloat16 are emulated and take about ten times as long as in float32.
    """
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "mps":
        return False
    return bool(cpu_flags() & {"amx_bf16", "avx512_bf16", "bf16"})


def pick_dtype(precision: str, device: "torch.device") -> "torch.dtype":
    """The type to compute in: "auto" is bfloat16 where it is faster, float32 elsewhere.

    Raises:
        InputError: The name is unknown.
    """
    import torch

    check_choice("precision", precision, ("auto", "float32", "bfloat16"))
    if precision == "auto":
        return torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    return torch.float32 if precision == "float32" else torch.bfloat16


def free_memory(device: "torch.device | None" = None) -> int:
    """Bytes that can be taken now without swapping; of the device where it has its own memory."""
    if device is not None and device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable"):
                return int(line.split()[1]) * 1024
    if hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 4 << 30  # systems that tell nothing: what a small laptop can spare


def peak_memory() -> int:
    """Largest resident size of this process so far, in bytes (0 where it cannot be told)."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory for the next layer instead of returning it.

    By default glibc takes large tensors from the system one by one, which clears every page
    anew: a tenth of the time of a picture. A switch of the whole process, so it is for programs
    that own theirs (the command, a server, a benchmark), never for the library.

    Returns:
        Whether the C library has the switch.
    """
    if not sys.platform.startswith("linux"):
        return False
    trim_threshold, top_pad, mmap_max = -1, -2, -4  # of malloc.h
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # musl has none
        return False
    settings = ((mmap_max, 0), (trim_threshold, 2**31 - 1), (top_pad, 64 << 20))
    return all([int(mallopt(name, value)) == 1 for name, value in settings])


@contextlib.contextmanager
def memory_taken_ahead(size: int) -> Iterator[None]:
    """Take memory from the system on another core while the block runs, and have it free after.

    A fresh process pays for every page it touches first: a tenth of the time of its only
    picture. It calls ``keep_freed_memory``, so it, too, is for programs that own their process;
    where the C library has no such switch nothing is done.

    Args:
        size: Bytes that will be needed.
    """
    if not keep_freed_memory():
        yield
        return
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    library.malloc.argtypes = [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    library.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    block = library.malloc(size)  # here: another thread has a heap of its own
    touching = threading.Thread(target=library.memset, args=(block, 0, size if block else 0))
    try:
        with contextlib.suppress(RuntimeError):  # no more threads: then nothing is taken ahead
            touching.start()
        yield
    finally:
        if touching.ident is not None:
            touching.join()
        library.free(block)


def give_back_memory() -> None:
    """Return what was freed to the system where the C library would keep it.

    Between tiles: what one leaves behind in pieces is of no use to the next, and adds up.
    """
    if sys.platform.startswith("linux"):
        with contextlib.suppress(AttributeError):  # musl has none
            ctypes.CDLL(None).malloc_trim(0)


def describe_machine() -> dict[str, object]:
    """What a benchmark record or a bug report should say about the machine."""
    import torch

    return {
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "processor": _processor_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "fast_bfloat16": has_fast_bfloat16(torch.device("cpu")),
        "memory_gib": round(free_memory() / 2**30, 1),
    }


def _processor_name() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
