"""Measure what a processor without AMX would do.

Linux gives a process the registers of AMX only on request (`Documentation/arch/x86/xstate.rst` in its sources). A
seccomp filter refuses that request to this process and to all that it starts; the libraries then fall back to what they
use on processors without AMX.
"""

import ctypes
import os
import struct

from benchmarks.process import BenchmarkError
from sentiment_batch.hardware import cpu_flags

FLAGS = frozenset({"amx_int8", "amx_bf16"})

# Numbers of x86-64 Linux: asm/unistd_64.h, asm/prctl.h, linux/prctl.h, linux/seccomp.h, linux/filter.h.
_ARCH_PRCTL = 158
_ARCH_REQ_XCOMP_PERM = 0x1023
_XFEATURE_XTILEDATA = 18
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_RET_EPERM = 0x0005_0001
_RET_ALLOW = 0x7FFF_0000
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
# In seccomp_data: the number of the system call, and the lower half of its first argument.
_NUMBER, _FIRST_ARGUMENT = 0, 16


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def deny_amx() -> None:
    """Refuse AMX to this process and its children from now on; raises BenchmarkError where there is none to refuse."""
    if not FLAGS & cpu_flags():
        raise BenchmarkError("this processor has no AMX: leave out --without-amx")
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (_LOAD, 0, 0, _NUMBER),
            (_JUMP_IF_EQUAL, 0, 3, _ARCH_PRCTL),
            (_LOAD, 0, 0, _FIRST_ARGUMENT),
            (_JUMP_IF_EQUAL, 0, 1, _ARCH_REQ_XCOMP_PERM),
            (_RETURN, 0, 0, _RET_EPERM),
            (_RETURN, 0, 0, _RET_ALLOW),
        )
    )
    libc = ctypes.CDLL(None, use_errno=True)
    filter_ = _Filter(len(program) // 8, program)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(filter_)
    ):
        raise BenchmarkError(f"the kernel takes no seccomp filter: {os.strerror(ctypes.get_errno())}")


def usable_flags() -> frozenset[str]:
    """The processor's feature flags, without those of AMX if it is refused."""
    flags = cpu_flags()
    if not FLAGS & flags:
        return flags
    refused = ctypes.CDLL(None).syscall(_ARCH_PRCTL, _ARCH_REQ_XCOMP_PERM, _XFEATURE_XTILEDATA)
    return flags - FLAGS if refused else flags
