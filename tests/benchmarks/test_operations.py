import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from benchmarks.engines.operations import Peak, Work, count, runs_in_int8, work_of
from benchmarks.engines.peak import chain, measured_peak
from firstread.engine import find_package


def test_a_convolution_takes_two_operations_for_each_weight_and_output_position():
    given = ops.parameter([1, 3, 8, 8, 8], np.float32)
    weights = ops.constant(np.zeros((5, 3, 3, 3, 3), np.float32))
    made = ops.convolution(given, weights, [2] * 3, [1] * 3, [1] * 3, [1] * 3)
    work = count(openvino.Model([made.output(0)], [given], "one"))
    assert work.f32 == 2 * (5 * 4**3) * (3 * 3**3)
    assert work.int8 == 0
    assert work.bytes == 4 * (3 * 8**3 + 5 * 3 * 3**3 + 5 * 4**3)


def test_a_matrix_product_takes_two_operations_for_each_pair():
    given = ops.parameter([7, 11], np.float32)
    made = ops.matmul(given, ops.constant(np.zeros((13, 11), np.float32)), False, True)
    assert count(openvino.Model([made.output(0)], [given], "one")).f32 == 2 * 7 * 11 * 13


def test_quantised_layers_are_counted_in_int8():
    work = count(chain(8, 6, int8=True))
    assert work.f32 == 0
    assert work.int8 == count(chain(8, 6, int8=False)).f32


def test_what_is_counted_in_int8_runs_in_int8():
    model = chain(16, 8, int8=True)
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    ran = [
        op.get_rt_info()["runtimePrecision"].astype(str)
        for op in compiled.get_runtime_model().get_ops()
        if op.get_rt_info()["layerType"].astype(str) == "Convolution"
    ]
    counted = [op for op in model.get_ops() if op.get_type_name() == "Convolution" and runs_in_int8(op)]
    assert len(ran) == len(counted)
    assert set(ran) <= {"u8", "i8"}


@pytest.mark.parametrize("name", ["lung_nodule_detector", "lung_nodule_candidate"])
def test_both_precisions_of_a_package_have_the_same_operations(name):
    package = find_package(name)
    works = [work_of(package, precision) for precision in package.precisions]
    assert all(work.operations == works[0].operations for work in works)
    assert works[0].int8 == 0


def test_the_least_time_adds_up_both_precisions():
    peak = Peak(f32=10.0, int8=40.0, bytes=5.0)
    assert peak.seconds(Work(f32=20.0, int8=40.0)) == 3.0
    assert peak.seconds_of_bytes(Work(bytes=10.0)) == 2.0


def test_the_peak_of_this_host_is_measured():
    peak = measured_peak(threads=1, seconds=0.01, quick=True)
    assert min(peak.f32, peak.int8, peak.bytes) > 1e8
