"""libshop by ctypes. The prototypes and constants are read out of the public
headers, which are plain enough for that: what a binding generator would do.
Opaque handles are plain pointers."""
import ctypes
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "house"))
import house  # noqa: E402  (the reader of the headers)

VALUES = {
    "void": None, "int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "size_t": ctypes.c_size_t,
    "bool": ctypes.c_bool,
    "shop_gateway_fn": ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p),
    "shop_mail_fn": ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p),
    "shop_smtp_io_fn": ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p),
    "shop_password_fn": ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p),
    "shop_progress_fn": ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_int64,
                                         ctypes.c_int64),
}
CALLBACK = re.compile(r"(\w+) \(\*\w*\)\((.*)\)")


def type_of(text):
    """The ctypes type of a parameter with its name, or of a result without."""
    callback = CALLBACK.fullmatch(text)
    if callback:
        inner = [type_of(one) for one in house.split_parameters(callback.group(2))]
        return ctypes.CFUNCTYPE(VALUES[callback.group(1)], *inner)
    base = re.sub(r"\bconst\b|\*.*", "", text).split()[0]
    stars = text.count("*")
    if stars == 0:
        return VALUES[base]
    if stars == 1 and base in ("int32_t", "int64_t"):
        return ctypes.POINTER(VALUES[base])
    one = ctypes.c_char_p if base == "char" and "const" in text else ctypes.c_void_p
    return one if stars == 1 else ctypes.POINTER(ctypes.c_void_p)


def load(path, companion=""):
    """The library, or a companion of it, by its header; every function with its prototype:
    lib.shop_open(...)"""
    lib = ctypes.CDLL(path)
    for declaration in house.declarations(companion):
        function = getattr(lib, declaration.name)
        function.restype = type_of(declaration.returns)
        function.argtypes = [type_of(parameter) for parameter in declaration.parameters
                             if parameter != "void"]
    return lib


def enums():
    """enum name -> {member: value}"""
    found = {}
    for path in house.public_headers():
        text = house.without_comments(path.read_text("utf-8"))
        for name, body in re.findall(r"\benum (\w+) \{(.*?)\}", text, re.S):
            found[name] = {member: int(value)
                           for member, value in re.findall(r"(\w+)\s*=\s*(-?\d+)", body)}
    return found
