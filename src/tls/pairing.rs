//! How two nodes come to trust each other: a person reads a one-time code on one node (the opener)
//! and types it on the other (the joiner). Each proves that it knows the code, bound to the two
//! certificates it sees on the connection: between two that do not see the same certificates
//! somebody sits in the middle, and the proofs do not fit.

use std::fmt;
use std::time::{Duration, Instant};

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};

use super::{Fingerprint, TlsError};

/// How long a pairing window stays open.
pub const WINDOW: Duration = Duration::from_secs(10 * 60);

/// So many wrong proofs close the window.
const WRONG_PROOFS: u8 = 5;

/// Crockford's: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// 128 bits of code and 12 of check make 28 digits of 5 bits.
const DIGITS: usize = 28;

/// Which end of the pairing a proof comes from; without it a proof could be sent back as the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Shows the code and waits.
    Opener,
    /// Was given the code and connects.
    Joiner,
}

/// The one-time secret, written `ABCD-EFGH-…` (7 groups of 4). Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingCode([u8; 16]);

/// A text that is no pairing code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PairingCodeError {
    /// The wrong number of digits.
    #[error("a pairing code has 7 groups of 4 letters or digits, not {0} in all: copy it whole")]
    Length(usize),
    /// A character that no code has.
    #[error("a pairing code has no {0:?}: copy it again")]
    Character(char),
    /// The check digits do not fit.
    #[error("this pairing code has a typing mistake: copy it again")]
    Mistyped,
}

/// Why a pairing did not come about.
#[derive(Debug, thiserror::Error)]
pub enum PairingError {
    /// There is no window, or no longer.
    #[error("no pairing is open on this node: begin again with hau-ctl pair")]
    Closed,
    /// The other side does not know the code, or sees other certificates.
    #[error(
        "the other side's proof is wrong: the code was mistyped, or somebody sits between the nodes; \
         {left} more tries until this pairing closes"
    )]
    WrongProof {
        /// How many more tries the window allows.
        left: u8,
    },
    /// The opener's answer is not the one that somebody gives who knows the code.
    #[error(
        "the other node's answer is wrong: somebody sits between the nodes, or it is another pairing's code; \
         nothing is trusted here: begin again with hau-ctl pair on the other node"
    )]
    WrongAnswer,
    /// The proof was right, and the certificate could not be kept.
    #[error("the peer's certificate cannot be kept")]
    Pin(#[source] TlsError),
}

/// HMAC-SHA256 over who proves and both certificates; 64 hex digits on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof(String);

impl Proof {
    /// What came over the wire; any text, for a malformed proof is just a wrong one.
    #[must_use]
    pub fn received(text: &str) -> Proof {
        Proof(text.to_string())
    }

    /// For the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        let digits: Option<Vec<u8>> = self
            .0
            .chars()
            .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
            .collect();
        digits.map(|digits| {
            digits
                .chunks(2)
                .map(|pair| pair.iter().fold(0, |n, d| n << 4 | d))
                .collect()
        })
    }
}

impl PairingCode {
    /// A new one.
    ///
    /// # Errors
    /// The kernel gives no random bytes.
    pub fn generate() -> Result<PairingCode, TlsError> {
        let mut secret = [0; 16];
        SystemRandom::new()
            .fill(&mut secret)
            .map_err(|_| TlsError::Random)?;
        Ok(PairingCode(secret))
    }

    /// Reads what a person typed: either case, any grouping, O for 0, I and L for 1.
    ///
    /// # Errors
    /// It is no code; a mistyped one is found by its check digits, so it costs no try.
    pub fn parse(text: &str) -> Result<PairingCode, PairingCodeError> {
        let typed = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
        let digits = typed.map(digit).collect::<Result<Vec<u8>, _>>()?;
        if digits.len() != DIGITS {
            return Err(PairingCodeError::Length(digits.len()));
        }
        // 25 digits are 125 bits; the 26th gives the last three and begins the check.
        let high = digits[..25]
            .iter()
            .fold(0u128, |bits, digit| bits << 5 | u128::from(*digit));
        let code = PairingCode((high << 3 | u128::from(digits[25] >> 2)).to_be_bytes());
        if code.digits() == digits {
            Ok(code)
        } else {
            Err(PairingCodeError::Mistyped)
        }
    }

    /// What the node with the certificate `prover` shows the one with `other` to prove that it
    /// knows the code and that both see these two certificates.
    #[must_use]
    pub fn proof(&self, role: Role, prover: &Fingerprint, other: &Fingerprint) -> Proof {
        let tag = hmac::sign(&self.key(), &message(role, prover, other));
        Proof(
            tag.as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }

    /// Whether `proof` is the one of `prover` in `role`; takes the same time whatever is wrong with it.
    #[must_use]
    pub fn fits(
        &self,
        proof: &Proof,
        role: Role,
        prover: &Fingerprint,
        other: &Fingerprint,
    ) -> bool {
        let tag = proof.bytes().unwrap_or_default();
        hmac::verify(&self.key(), &message(role, prover, other), &tag).is_ok()
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }

    fn digits(&self) -> Vec<u8> {
        let check = Sha256::new()
            .chain_update(b"hau pairing code")
            .chain_update(self.0)
            .finalize();
        let bytes = [&self.0[..], &check[..2]].concat();
        let digit = |n: usize| {
            let (byte, bit) = (n * 5 / 8, n * 5 % 8);
            let pair = u16::from_be_bytes([bytes[byte], bytes[byte + 1]]);
            (pair >> (11 - bit)) as u8 & 31
        };
        (0..DIGITS).map(digit).collect()
    }
}

impl fmt::Display for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, digit) in self.digits().into_iter().enumerate() {
            let dash = if n > 0 && n % 4 == 0 { "-" } else { "" };
            write!(f, "{dash}{}", char::from(ALPHABET[usize::from(digit)]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairingCode(…)")
    }
}

/// The time in which a code is good.
#[derive(Debug)]
pub(super) struct Window {
    code: PairingCode,
    closes_at: Instant,
    tries: u8,
}

impl Window {
    pub(super) fn open(code: PairingCode, now: Instant) -> Window {
        Window {
            code,
            closes_at: now + WINDOW,
            tries: WRONG_PROOFS,
        }
    }

    /// How long it is still open; `None` if it is not.
    pub(super) fn remaining(&self, now: Instant) -> Option<Duration> {
        let left = self.closes_at.saturating_duration_since(now);
        (self.tries > 0 && !left.is_zero()).then_some(left)
    }

    /// Takes the joiner's proof; answers the opener's.
    pub(super) fn answer(
        &mut self,
        own: &Fingerprint,
        joiner: &Fingerprint,
        proof: &Proof,
    ) -> Result<Proof, PairingError> {
        if self.code.fits(proof, Role::Joiner, joiner, own) {
            return Ok(self.code.proof(Role::Opener, own, joiner));
        }
        self.tries = self.tries.saturating_sub(1);
        Err(PairingError::WrongProof { left: self.tries })
    }
}

/// The parts have fixed lengths, so no two messages read alike.
fn message(role: Role, prover: &Fingerprint, other: &Fingerprint) -> Vec<u8> {
    let role: &[u8; 6] = match role {
        Role::Opener => b"opener",
        Role::Joiner => b"joiner",
    };
    [
        b"hau pairing 1 ",
        &role[..],
        prover.as_bytes(),
        other.as_bytes(),
    ]
    .concat()
}

fn digit(typed: char) -> Result<u8, PairingCodeError> {
    let plain = match typed.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let position = ALPHABET.iter().position(|c| char::from(*c) == plain);
    let digit = position.and_then(|n| u8::try_from(n).ok());
    digit.ok_or(PairingCodeError::Character(typed))
}
