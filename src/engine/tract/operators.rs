//! Operators that tract lacks, or computes otherwise than their specification and
//! onnxruntime do: the domain ai.onnx.ml, and those that work on strings.
//!
//! One operator a file. Each reads its attributes into a type that cannot be wrong
//! (`build`), says what it promises about its outputs, and runs. `bridge` makes a node of
//! tract out of it. Maps become tensors before tract sees the graph (see `rewrite`).

mod array_feature_extractor;
mod binarizer;
mod bridge;
mod category_mapper;
mod compress;
mod distances;
mod equal;
mod feature_vectorizer;
mod gemm;
mod imputer;
mod keys;
mod label_encoder;
mod labels;
mod linear;
mod linear_classifier;
mod linear_regressor;
mod murmur_hash;
mod normalizer;
mod one_hot_encoder;
mod patterns;
mod post_transform;
mod regex_full_match;
mod rows_of_maps;
mod scaler;
mod scores;
#[cfg(test)]
mod shapes;
mod special_values;
mod string_concat;
mod string_normalizer;
mod string_split;
mod svm_classifier;
mod svm_coupling;
mod svm_kernel;
mod svm_machine;
mod svm_regressor;
mod tf_idf_vectorizer;
mod tokenizer;
mod tree_ensemble;
mod values;

use tract_onnx::Onnx;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::TractResult;
use tract_onnx::tract_hir::internal::InferenceOp;

pub(super) use bridge::bytes;

/// What tract wants from the builder of a node: the operator, and the names of values from
/// outer graphs that it reads.
type Built = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

type Build = fn(&ParsingContext, &NodeProto) -> Built;

/// By the names that graphs use.
const OPERATORS: [(&str, Build); 31] = [
    ("ArrayFeatureExtractor", array_feature_extractor::build),
    ("Binarizer", binarizer::build),
    ("CDist", distances::build),
    ("CategoryMapper", category_mapper::build),
    ("Compress", compress::build),
    ("DictVectorizer", rows_of_maps::dict_vectorizer),
    ("Equal", equal::build),
    ("FeatureVectorizer", feature_vectorizer::build),
    ("Gemm", gemm::build),
    ("Imputer", imputer::build),
    ("IsInf", special_values::is_inf),
    ("IsNaN", special_values::is_nan),
    ("LabelEncoder", label_encoder::build),
    ("LinearClassifier", linear_classifier::build),
    ("LinearRegressor", linear_regressor::build),
    ("MurmurHash3", murmur_hash::build),
    ("Normalizer", normalizer::build),
    ("OneHotEncoder", one_hot_encoder::build),
    ("RegexFullMatch", regex_full_match::build),
    ("SVMClassifier", svm_classifier::build),
    ("SVMRegressor", svm_regressor::build),
    ("Scaler", scaler::build),
    ("StringConcat", string_concat::build),
    ("StringNormalizer", string_normalizer::build),
    ("StringSplit", string_split::build),
    ("TfIdfVectorizer", tf_idf_vectorizer::build),
    ("Tokenizer", tokenizer::build),
    ("TreeEnsemble", tree_ensemble::ensemble),
    ("TreeEnsembleClassifier", tree_ensemble::classifier),
    ("TreeEnsembleRegressor", tree_ensemble::regressor),
    ("ZipMap", rows_of_maps::zip_map),
];

/// tract's reader of ONNX files with these operators, in place of its own where it has some.
pub(super) fn framework() -> Onnx {
    let mut onnx = tract_onnx::onnx().with_ignore_value_info(true);
    for (name, build) in OPERATORS {
        onnx.op_register.insert(name, build);
    }
    onnx
}
