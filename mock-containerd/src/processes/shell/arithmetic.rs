//! `$((…))`: whole numbers of 64 bits.

use super::variables::Variables;

/// Deeper than anybody nests; without a limit, brackets would exhaust the stack.
const DEPTH_MAX: u32 = 50;
/// From the loosest to the tightest; all of one line bind alike.
const LEVELS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];
const ASSIGNMENTS: [&str; 11] = ["=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="];
/// The longest first.
const OPERATORS: [&str; 35] = [
    "<<=", ">>=", "||", "&&", "==", "!=", "<=", ">=", "<<", ">>", "+=", "-=", "*=", "/=", "%=",
    "&=", "|=", "^=", "++", "--", "+", "-", "*", "/", "%", "<", ">", "&", "|", "^", "=", "!", "~",
    "?", ":",
];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Number(i64),
    Name(String),
    Operator(&'static str),
    Open,
    Close,
}

/// The number, or why there is none.
pub(super) fn evaluate(text: &str, variables: &mut Variables) -> Result<i64, String> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(0);
    }
    let mut sum = Sum { tokens, at: 0, depth: 0, live: true, variables };
    let value = sum.whole()?;
    if sum.at < sum.tokens.len() { Err(syntax()) } else { Ok(value) }
}

fn syntax() -> String {
    "arithmetic syntax error".to_owned()
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let (mut rest, mut tokens) = (text.trim_start(), Vec::new());
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|next: char| !next.is_ascii_alphanumeric() && next != '_');
        let word = &rest[..word.unwrap_or(rest.len())];
        let (token, length) = if first.is_ascii_digit() {
            (Token::Number(number(word).ok_or_else(syntax)?), word.len())
        } else if !word.is_empty() {
            (Token::Name(word.to_owned()), word.len())
        } else if first == '(' {
            (Token::Open, 1)
        } else if first == ')' {
            (Token::Close, 1)
        } else {
            let operator = OPERATORS.iter().find(|known| rest.starts_with(**known));
            let operator = operator.ok_or_else(syntax)?;
            (Token::Operator(operator), operator.len())
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn number(text: &str) -> Option<i64> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return i64::from_str_radix(digits, 16).ok();
    }
    match text.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => i64::from_str_radix(digits, 8).ok(),
        _ => text.parse().ok(),
    }
}

struct Sum<'a> {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    /// False: behind an `&&` that is decided already, say, where nothing is assigned.
    live: bool,
    variables: &'a mut Variables,
}

impl Sum<'_> {
    fn operator(&self) -> Option<&'static str> {
        match self.tokens.get(self.at) {
            Some(Token::Operator(operator)) => Some(operator),
            _ => None,
        }
    }

    fn takes(&mut self, operator: &str) -> bool {
        let taken = self.operator() == Some(operator);
        self.at += usize::from(taken);
        taken
    }

    fn deeper(&mut self, read: fn(&mut Self) -> Result<i64, String>) -> Result<i64, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("arithmetic nested deeper than {DEPTH_MAX}"));
        }
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn value(&self, name: &str) -> Result<i64, String> {
        let text = self.variables.get(name).unwrap_or_default().trim();
        let digits = text.trim_start_matches(['-', '+']);
        match (text, number(digits)) {
            ("", _) => Ok(0),
            (_, Some(number)) if text.len() == digits.len() || text.starts_with('+') => Ok(number),
            (_, Some(number)) => Ok(number.wrapping_neg()),
            _ => Err(format!("{name} is no number: {text}")),
        }
    }

    /// An assignment, or a choice of two.
    fn whole(&mut self) -> Result<i64, String> {
        let assigned = match &self.tokens[self.at.min(self.tokens.len())..] {
            [Token::Name(name), Token::Operator(operator), ..] => {
                let known = ASSIGNMENTS.contains(operator);
                known.then(|| (name.clone(), operator.trim_end_matches('=')))
            }
            _ => None,
        };
        if let Some((name, operator)) = assigned {
            self.at += 2;
            let right = self.deeper(Self::whole)?;
            let value = match operator {
                "" => right,
                operator => self.apply(operator, self.value(&name)?, right)?,
            };
            if self.live {
                self.variables.set(&name, value.to_string());
            }
            return Ok(value);
        }
        let condition = self.level(0)?;
        if !self.takes("?") {
            return Ok(condition);
        }
        let live = self.live;
        self.live = live && condition != 0;
        let yes = self.deeper(Self::whole)?;
        if !self.takes(":") {
            return Err(syntax());
        }
        self.live = live && condition == 0;
        let no = self.deeper(Self::whole)?;
        self.live = live;
        Ok(if condition != 0 { yes } else { no })
    }

    fn level(&mut self, level: usize) -> Result<i64, String> {
        let Some(operators) = LEVELS.get(level) else { return self.single() };
        let mut left = self.level(level + 1)?;
        while let Some(operator) = self.operator().filter(|next| operators.contains(next)) {
            self.at += 1;
            let live = self.live;
            match operator {
                "&&" => self.live &= left != 0,
                "||" => self.live &= left == 0,
                _ => {}
            }
            let right = self.level(level + 1)?;
            left = self.apply(operator, left, right)?;
            self.live = live;
        }
        Ok(left)
    }

    fn apply(&self, operator: &str, left: i64, right: i64) -> Result<i64, String> {
        // As the processor has it.
        let shift = u32::try_from(right & 63).expect("it is small");
        Ok(match operator {
            "||" => i64::from(left != 0 || right != 0),
            "&&" => i64::from(left != 0 && right != 0),
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<=" => i64::from(left <= right),
            ">=" => i64::from(left >= right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "<<" => left.wrapping_shl(shift),
            ">>" => left.wrapping_shr(shift),
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            // Nobody looks at what is not live.
            "/" | "%" if right == 0 && !self.live => 0,
            "/" | "%" if right == 0 => return Err("divide by zero".to_owned()),
            "/" => left.wrapping_div(right),
            "%" => left.wrapping_rem(right),
            _ => return Err(syntax()),
        })
    }

    fn single(&mut self) -> Result<i64, String> {
        let token = self.tokens.get(self.at).cloned().ok_or_else(syntax)?;
        self.at += 1;
        if matches!(self.operator(), Some("++" | "--")) && matches!(token, Token::Name(_)) {
            return Err("the mock's shell does not have ++ and --".to_owned());
        }
        match token {
            Token::Number(number) => Ok(number),
            Token::Name(name) => self.value(&name),
            Token::Open => {
                let value = self.deeper(Self::whole)?;
                self.at += 1;
                match self.tokens.get(self.at - 1) {
                    Some(Token::Close) => Ok(value),
                    _ => Err(syntax()),
                }
            }
            Token::Operator("-") => Ok(self.deeper(Self::single)?.wrapping_neg()),
            Token::Operator("+") => self.deeper(Self::single),
            Token::Operator("!") => Ok(i64::from(self.deeper(Self::single)? == 0)),
            Token::Operator("~") => Ok(!self.deeper(Self::single)?),
            Token::Operator("++" | "--") => {
                Err("the mock's shell does not have ++ and --".to_owned())
            }
            _ => Err(syntax()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(text: &str) -> Result<i64, String> {
        let mut variables = Variables::of(&["a=5".to_owned(), "n=-2".to_owned(), "t=x".to_owned()]);
        evaluate(text, &mut variables)
    }

    #[test]
    fn sums_are_what_dash_makes_of_them() {
        for (text, value) in [
            ("", 0),
            ("1 + 2 * 3", 7),
            ("(1 + 2) * 3", 9),
            ("-7 / 2", -3),
            ("-7 % 3", -1),
            ("010 + 0x1f", 39),
            ("1 << 3 | 1", 9),
            ("a > 4 && none == 0", 1),
            ("a ? 3 : 1 / 0", 3),
            ("0 && 1 / 0", 0),
            ("a += 2, 1", 0),
            ("!0 + ~0", 0),
            ("n + a", 3),
            ("b = a = 4", 4),
        ] {
            if text.contains(',') {
                assert!(sum(text).is_err(), "{text}");
            } else {
                assert_eq!(sum(text), Ok(value), "{text}");
            }
        }
        for text in [
            "1 / 0",
            "1 +",
            "t",
            "09",
            "1 2",
            "a++",
            "--a",
            ")",
            "(1",
            "1 ?",
            "99999999999999999999",
        ] {
            assert!(sum(text).is_err(), "{text}");
        }
        assert!(sum(&"(".repeat(9999)).is_err());
        assert!(sum(&"-".repeat(9999)).is_err());
    }

    proptest! {
        #[test]
        fn no_sum_makes_it_panic(text in "[-+*/%<>=!&|^~?:()0-9a x]{0,24}") {
            let _ = sum(&text);
        }
    }
}
