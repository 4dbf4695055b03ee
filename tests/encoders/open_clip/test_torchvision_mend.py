import subprocess
import sys

from vlmrm.encoders import import_open_clip


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


def test_import_of_vlmrm_loads_neither_torch_nor_open_clip():
    ran = run_python("import sys, vlmrm; print({'torch', 'open_clip', 'torchvision', 'timm'} & set(sys.modules))")
    assert ran.stdout.strip() == "set()", ran.stderr


def test_import_of_the_encoders_does_not_import_open_clip():
    ran = run_python("import sys, vlmrm.encoders; print({'open_clip', 'torchvision', 'timm'} & set(sys.modules))")
    assert ran.stdout.strip() == "set()", ran.stderr


def test_open_clip_imports_and_works_in_a_fresh_process():
    """Where torchvision matches torch this is the plain import; where it does not, the mended one."""
    ran = run_python(
        "from vlmrm.encoders import import_open_clip\n"
        "open_clip = import_open_clip()\n"
        "import open_clip as again, torchvision, timm\n"
        "assert open_clip is again is import_open_clip()\n"
        "print(open_clip.get_tokenizer('RN50')(['a']).shape)"
    )
    assert ran.stdout.strip() == "torch.Size([1, 77])", ran.stderr


def test_a_failed_plain_import_before_does_no_harm():
    ran = run_python(
        "try:\n    import open_clip\nexcept RuntimeError:\n    pass\n"
        "from vlmrm.encoders import import_open_clip\n"
        "print(len(import_open_clip().list_models()) > 50)"
    )
    assert ran.stdout.strip() == "True", ran.stderr


def test_any_other_failure_is_passed_on():
    """A package of the name open_clip that fails for a reason of its own is not to be mended over."""
    ran = run_python(
        "import sys, types\n"
        "class Broken:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'open_clip': raise RuntimeError('the disk is on fire')\n"
        "sys.meta_path.insert(0, Broken())\n"
        "from vlmrm.encoders import import_open_clip\n"
        "import_open_clip()"
    )
    assert "RuntimeError: the disk is on fire" in ran.stderr


def test_an_operator_that_the_mend_does_not_know_gets_a_clear_error():
    ran = run_python(
        "import sys\n"
        "class Broken:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'open_clip': raise RuntimeError('operator torchvision::roi_pool does not exist')\n"
        "sys.meta_path.insert(0, Broken())\n"
        "from vlmrm.encoders import import_open_clip\n"
        "import_open_clip()"
    )
    assert "EncoderError" in ran.stderr
    assert "Install a torchvision that was built for this torch" in ran.stderr


def test_it_is_the_same_module_every_time():
    assert import_open_clip() is import_open_clip()
