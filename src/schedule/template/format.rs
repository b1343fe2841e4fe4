//! Which formats of dates and times a template may use.
//!
//! Only those that stand alone in a name: nothing that brings separators of its own (`%D` is
//! 02/28/13, `%Q` is Europe/Berlin), white space, or the habits of a locale.

const OF_DATES: &str = "YyCmdBbhAajuwGgVUWqF%";
const OF_TIMES: &str = "HIMSpPzZsTRfN";

/// What is wrong with a format, with the place in it in bytes.
pub(super) fn check(format: &str, with_time: bool) -> Result<(), (usize, String)> {
    if format.is_empty() {
        return Err((0, "the format is empty, expected for example %Y-%m-%d".to_owned()));
    }
    let mut rest = format.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        if c != '%' {
            continue;
        }
        while rest.next_if(|(_, c)| "-_0^#".contains(*c) || c.is_ascii_digit()).is_some() {}
        let colons = std::iter::from_fn(|| rest.next_if(|(_, c)| *c == ':')).count();
        let Some((_, directive)) = rest.next() else {
            return Err((at, "the format ends after %, expected for example %d".to_owned()));
        };
        let known = OF_DATES.contains(directive) || with_time && OF_TIMES.contains(directive);
        if !known || colons > 0 && directive != 'z' {
            return Err((at, reason(directive, with_time)));
        }
    }
    Ok(())
}

fn reason(directive: char, with_time: bool) -> String {
    if !with_time && OF_TIMES.contains(directive) {
        return format!(
            "%{directive} is of times, expected {{time:..}} and not {{date:..}} for it"
        );
    }
    let more = if with_time { OF_TIMES } else { "" };
    let known: Vec<String> = OF_DATES.chars().chain(more.chars()).map(|c| c.to_string()).collect();
    format!("%{directive} cannot stand here, expected % with one of: {}", known.join(" "))
}
