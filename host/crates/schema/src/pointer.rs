//! Writing JSON pointers (RFC 6901).

/// A step of a JSON pointer, without the slash in front.
pub(crate) fn escaped(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

/// Adds a step to a JSON pointer.
pub(crate) fn push_step(pointer: &mut String, step: &str) {
    pointer.push('/');
    pointer.push_str(&escaped(step));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_and_tildes_are_escaped() {
        let mut pointer = "/a".to_owned();
        push_step(&mut pointer, "b/c~1");
        assert_eq!(pointer, "/a/b~1c~01");
    }
}
