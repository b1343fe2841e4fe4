//! Parameters. Those that mean nothing here are ignored, as over HTTP.

use std::collections::HashMap;

use crate::grpc::generated::InferParameter;
use crate::grpc::generated::infer_parameter::ParameterChoice;
use crate::predict::Malformed;

/// A number, also where a client has written it as a string.
pub(super) fn unsigned(
    parameters: &HashMap<String, InferParameter>,
    name: &str,
) -> Result<Option<u64>, Malformed> {
    let Some(choice) = parameters.get(name).and_then(|p| p.parameter_choice.as_ref()) else {
        return Ok(None);
    };
    let wrong = |came: String| {
        Malformed(format!("parameter '{name}': expected a whole number, came {came}"))
    };
    match choice {
        ParameterChoice::Uint64Param(number) => Ok(Some(*number)),
        ParameterChoice::Int64Param(number) => {
            u64::try_from(*number).map(Some).map_err(|_| wrong(number.to_string()))
        }
        ParameterChoice::StringParam(text) => {
            text.parse().map(Some).map_err(|_| wrong(format!("\"{text}\"")))
        }
        ParameterChoice::BoolParam(value) => Err(wrong(value.to_string())),
        ParameterChoice::DoubleParam(value) => Err(wrong(value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_every_form_that_clients_send_them_in() {
        let read = |choice| {
            let parameter = InferParameter { parameter_choice: Some(choice) };
            let parameters = HashMap::from([("timeout".to_owned(), parameter)]);
            unsigned(&parameters, "timeout").map_err(|error| error.0)
        };
        assert_eq!(read(ParameterChoice::Int64Param(5)), Ok(Some(5)));
        assert_eq!(read(ParameterChoice::Uint64Param(u64::MAX)), Ok(Some(u64::MAX)));
        assert_eq!(read(ParameterChoice::StringParam("7".to_owned())), Ok(Some(7)));
        let wrong =
            |came| Err(format!("parameter 'timeout': expected a whole number, came {came}"));
        assert_eq!(read(ParameterChoice::Int64Param(-1)), wrong("-1"));
        assert_eq!(read(ParameterChoice::StringParam("soon".to_owned())), wrong("\"soon\""));
        assert_eq!(read(ParameterChoice::BoolParam(true)), wrong("true"));
        assert_eq!(unsigned(&HashMap::new(), "timeout"), Ok(None));
    }
}
