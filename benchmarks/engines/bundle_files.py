"""The configuration of a Bundle like MONAI's lung_nodule_ct_detection: its numbers, without its weights.

Source: Project-MONAI/model-zoo, models/lung_nodule_ct_detection, configs/inference.json and metadata.json, 0.6.8.
"""

from typing import Any

ANCHORS = ((6, 8, 4), (8, 6, 5), (10, 10, 6))
SCALES = (1, 2, 4)
STEPS = (16, 16, 8)
"""Windows are multiples of these; x, y, z."""
WINDOW = (512, 512, 192)
TRAINED_ON = (192, 192, 80)
"""What was slid over a scan, and what the published weights were trained on; voxels."""
OVERLAP = 0.25
SPACING_MM = (0.703125, 0.703125, 1.25)
HU = (-1024.0, 300.0)
SELECTION = {
    "score_thresh": 0.02,
    "topk_candidates_per_level": 1000,
    "nms_thresh": 0.22,
    "detections_per_img": 300,
}
REAL = "resnet50(spatial_dims=3,n_input_channels=1,conv1_t_stride=[2,2,1],conv1_t_size=[7,7,7])"


def inference(backbone: str = REAL, *, spacing_mm: tuple[float, float, float] = SPACING_MM) -> dict[str, Any]:
    """Return configs/inference.json; spacing_mm: x, y, z."""
    pyramid = "monai.apps.detection.networks.retinanet_network.resnet_fpn_feature_extractor"
    selection = ",".join(f"{name}={value}" for name, value in SELECTION.items())
    return {
        "device": "$torch.device('cpu')",
        "spatial_dims": 3,
        "size_divisible": STEPS,
        "infer_patch_size": WINDOW,
        "anchor_generator": {
            "_target_": "monai.apps.detection.utils.anchor_utils.AnchorGeneratorWithAnchorShape",
            "feature_map_scales": SCALES,
            "base_anchor_shapes": ANCHORS,
        },
        "backbone": f"$monai.networks.nets.resnet.{backbone}",
        "feature_extractor": f"${pyramid}(@backbone,3,False,[1,2],None)",
        "network_def": {
            "_target_": "RetinaNet",
            "spatial_dims": "@spatial_dims",
            "num_classes": 1,
            "num_anchors": len(ANCHORS),
            "feature_extractor": "@feature_extractor",
            "size_divisible": "@size_divisible",
        },
        "network": "$@network_def.to(@device)",
        "detector": {
            "_target_": "RetinaNetDetector",
            "network": "@network",
            "anchor_generator": "@anchor_generator",
        },
        "detector_ops": [
            "$@detector.set_target_keys(box_key='box', label_key='label')",
            f"$@detector.set_box_selector_parameters({selection})",
            f"$@detector.set_sliding_window_inferer(roi_size=@infer_patch_size,overlap={OVERLAP},sw_batch_size=1)",
        ],
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [
                {"_target_": "LoadImaged", "keys": "image"},
                {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
                {"_target_": "Spacingd", "keys": "image", "pixdim": spacing_mm},
                {
                    "_target_": "ScaleIntensityRanged",
                    "keys": "image",
                    "a_min": HU[0],
                    "a_max": HU[1],
                    "b_min": 0.0,
                    "b_max": 1.0,
                    "clip": True,
                },
            ],
        },
    }


METADATA: dict[str, Any] = {
    "version": "0.6.8",
    "task": "CT lung nodule detection",
    "description": "The architecture of lung_nodule_ct_detection with random weights: it finds nothing",
    "intended_use": "Measuring time. The weights are random.",
    "network_data_format": {
        "inputs": {
            "image": {
                "type": "image",
                "format": "magnitude",
                "num_channels": 1,
                "spatial_shape": ["16*n", "16*n", "8*n"],
                "value_range": [0, 1],
            }
        },
        "outputs": {"pred": {"type": "object", "format": "dict", "num_channels": 1}},
    },
}
"""Of the bundle, in the form of configs/metadata.json."""
