"""Makes channel-means/1/model.onnx: the mean of each channel of an image.

The cheapest model that takes a whole image, so that a load over HTTP measures the way in
and out. Needs onnx (see models/requirements.txt).
"""

from pathlib import Path

from onnx import TensorProto, helper, save

image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 224, 224])
means = helper.make_tensor_value_info("means", TensorProto.FLOAT, ["N", 3])
node = helper.make_node("ReduceMean", ["image"], ["means"], name="means", axes=[2, 3], keepdims=0)
graph = helper.make_graph([node], "channel-means", [image], [means])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
path = Path(__file__).parent / "channel-means" / "1" / "model.onnx"
path.parent.mkdir(parents=True, exist_ok=True)
save(model, path)
