//! The hash strings of other systems, read strictly: what is malformed is refused at import, not at each sign-in, and what
//! would take too much time or memory is refused too.

use argon2::password_hash::phc;
use aws_lc_rs::pbkdf2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::imported::{Function, ImportProblem};

/// No verification takes more memory than this.
pub(super) const MAX_MEMORY_KIB: u32 = 131_072;
/// Argon2: passes times memory, in KiB.
const MAX_ARGON2_WORK: u64 = 1_048_576;
const MAX_ARGON2_LANES: u32 = 16;
/// About a second.
const MAX_BCRYPT_COST: u32 = 14;
const MAX_SCRYPT_LOG_N: u8 = 17;
const MAX_SCRYPT_PARALLELISM: u32 = 4;
const MAX_PBKDF2_ROUNDS: u32 = 2_000_000;

/// The salt and the output of a PHC string.
fn phc(text: &str) -> Result<(phc::PasswordHash, Vec<u8>, Vec<u8>), ImportProblem> {
    let hash = phc::PasswordHash::new(text).map_err(|_| ImportProblem::Malformed)?;
    let salt = hash.salt.ok_or(ImportProblem::Malformed)?.to_vec();
    let output = hash.hash.ok_or(ImportProblem::Malformed)?.as_bytes().to_vec();
    Ok((hash, salt, output))
}

fn decimal(hash: &phc::PasswordHash, name: &str) -> Result<u32, ImportProblem> {
    hash.params.get_decimal(name).ok_or(ImportProblem::Malformed)
}

/// `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
pub(super) fn argon2(text: &str) -> Result<Function, ImportProblem> {
    let (hash, salt, output) = phc(text)?;
    let algorithm = argon2::Algorithm::try_from(hash.algorithm.as_str())
        .map_err(|_| ImportProblem::Malformed)?;
    // A string without a version is of the first one.
    let version = argon2::Version::try_from(hash.version.unwrap_or(0x10))
        .map_err(|_| ImportProblem::Malformed)?;
    let (memory, passes, lanes) =
        (decimal(&hash, "m")?, decimal(&hash, "t")?, decimal(&hash, "p")?);
    let work = u64::from(memory).saturating_mul(u64::from(passes));
    if memory > MAX_MEMORY_KIB || work > MAX_ARGON2_WORK || lanes > MAX_ARGON2_LANES {
        return Err(ImportProblem::TooExpensive);
    }
    if hash.params.get("data").is_some() || hash.params.get("keyid").is_some() {
        return Err(ImportProblem::Malformed);
    }
    let params = argon2::Params::new(memory, passes, lanes, Some(output.len()))
        .map_err(|_| ImportProblem::Malformed)?;
    Ok(Function::Argon2 { algorithm, version, params, salt, output })
}

/// `$scrypt$ln=…,r=…,p=…$salt$hash`.
pub(super) fn scrypt(text: &str) -> Result<Function, ImportProblem> {
    let (hash, salt, output) = phc(text)?;
    let (log_n, r, p) = (decimal(&hash, "ln")?, decimal(&hash, "r")?, decimal(&hash, "p")?);
    let log_n = u8::try_from(log_n).map_err(|_| ImportProblem::TooExpensive)?;
    if log_n > MAX_SCRYPT_LOG_N || p > MAX_SCRYPT_PARALLELISM {
        return Err(ImportProblem::TooExpensive);
    }
    // 128 · N · r bytes.
    let memory_kib = r.checked_mul(1 << log_n).map_or(u32::MAX, |blocks| blocks / 8);
    if memory_kib > MAX_MEMORY_KIB {
        return Err(ImportProblem::TooExpensive);
    }
    let params = scrypt::Params::new(log_n, r, p).map_err(|_| ImportProblem::Malformed)?;
    Ok(Function::Scrypt { params, memory_kib, salt, output })
}

/// `$2b$cost$` and 53 characters.
pub(super) fn bcrypt(text: &str) -> Result<Function, ImportProblem> {
    let parts: bcrypt::HashParts = text.parse().map_err(|_| ImportProblem::Malformed)?;
    if parts.get_cost() > MAX_BCRYPT_COST {
        return Err(ImportProblem::TooExpensive);
    }
    // What cannot be verified is refused now, not at each sign-in.
    if parts.get_cost() < 4 || bcrypt::BASE_64.decode(parts.get_salt()).is_err() {
        return Err(ImportProblem::Malformed);
    }
    Ok(Function::Bcrypt)
}

/// `$pbkdf2-sha256$i=…$salt$hash`.
pub(super) fn pbkdf2_phc(id: &str, text: &str) -> Result<Function, ImportProblem> {
    let (hash, salt, output) = phc(text)?;
    let algorithm = match id {
        "pbkdf2-sha256" => pbkdf2::PBKDF2_HMAC_SHA256,
        "pbkdf2-sha512" => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => pbkdf2::PBKDF2_HMAC_SHA1,
    };
    pbkdf2_bounded(algorithm, decimal(&hash, "i")?, (salt, output))
}

/// `pbkdf2_sha256$rounds$salt$hash`; the salt is text.
pub(super) fn pbkdf2_django(id: &str, fields: &str) -> Result<Function, ImportProblem> {
    let mut fields = fields.split('$');
    let (Some(rounds), Some(salt), Some(output), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(ImportProblem::Malformed);
    };
    let rounds = rounds.parse().map_err(|_| ImportProblem::Malformed)?;
    let output = STANDARD.decode(output).map_err(|_| ImportProblem::Malformed)?;
    let (algorithm, length) = match id {
        "pbkdf2_sha256" => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
        _ => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
    };
    if output.len() != length || salt.is_empty() {
        return Err(ImportProblem::Malformed);
    }
    pbkdf2_bounded(algorithm, rounds, (salt.as_bytes().to_vec(), output))
}

fn pbkdf2_bounded(
    algorithm: pbkdf2::Algorithm,
    rounds: u32,
    (salt, output): (Vec<u8>, Vec<u8>),
) -> Result<Function, ImportProblem> {
    if rounds > MAX_PBKDF2_ROUNDS {
        return Err(ImportProblem::TooExpensive);
    }
    let rounds = rounds.try_into().map_err(|_| ImportProblem::Malformed)?;
    if output.len() < 16 {
        return Err(ImportProblem::Malformed);
    }
    Ok(Function::Pbkdf2 { algorithm, rounds, salt, output })
}
