//! The words of mails, one static for each language: a missing one does not compile. Plain text, no secrets, and nothing
//! that a stranger chose but the name of an account.

use super::Kind;
use crate::page::{Language, Phrase};

/// One mail.
pub(super) struct Words {
    /// The subject line, with the name of the service.
    pub(super) title: Phrase,
    /// What is wanted of which account or address.
    pub(super) text: Phrase,
    /// What to do if nobody wanted it.
    pub(super) otherwise: &'static str,
}

struct Mails {
    good_once: fn(u32) -> String,
    password_reset: Words,
    email_verification: Words,
    password_changed: Words,
}

impl Language {
    /// The words of a mail.
    pub(super) fn mail(self, kind: Kind) -> &'static Words {
        let mails = self.mails();
        match kind {
            Kind::PasswordReset => &mails.password_reset,
            Kind::EmailVerification => &mails.email_verification,
            Kind::PasswordChanged => &mails.password_changed,
        }
    }

    /// For how many minutes a link is good.
    pub(super) fn good_once(self, minutes: u32) -> String {
        (self.mails().good_once)(minutes)
    }

    fn mails(self) -> &'static Mails {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
            Self::French => &FRENCH,
            Self::Japanese => &JAPANESE,
            Self::Arabic => &ARABIC,
        }
    }
}

static ENGLISH: Mails = Mails {
    good_once: |minutes| format!("The link works once, within {minutes} minutes."),
    password_reset: Words {
        title: Phrase::new("A new password for {}"),
        text: Phrase::new(
            "Somebody, probably you, wants to choose a new password for the account {}. Open this link to do so:",
        ),
        otherwise: "If it was not you, ignore this mail: nothing changes.",
    },
    email_verification: Words {
        title: Phrase::new("Confirm your e-mail address for {}"),
        text: Phrase::new(
            "Please confirm that this address belongs to the account {}. Open this link to do so:",
        ),
        otherwise: "If you do not know the account, ignore this mail.",
    },
    password_changed: Words {
        title: Phrase::new("Your password for {} was changed"),
        text: Phrase::new(
            "The password of the account {} was changed just now. If it was not you, choose a new one here at once:",
        ),
        otherwise: "If it was you, there is nothing to do.",
    },
};

static GERMAN: Mails = Mails {
    good_once: |minutes| format!("Der Link gilt einmal, innerhalb von {minutes} Minuten."),
    password_reset: Words {
        title: Phrase::new("Ein neues Passwort für {}"),
        text: Phrase::new(
            "Jemand, wahrscheinlich Sie selbst, möchte ein neues Passwort für das Konto {} wählen. Öffnen Sie dazu diesen Link:",
        ),
        otherwise: "Wenn Sie das nicht waren, ignorieren Sie diese Mail: Es ändert sich nichts.",
    },
    email_verification: Words {
        title: Phrase::new("Bestätigen Sie Ihre E-Mail-Adresse für {}"),
        text: Phrase::new(
            "Bitte bestätigen Sie, dass diese Adresse zum Konto {} gehört. Öffnen Sie dazu diesen Link:",
        ),
        otherwise: "Wenn Sie das Konto nicht kennen, ignorieren Sie diese Mail.",
    },
    password_changed: Words {
        title: Phrase::new("Ihr Passwort für {} wurde geändert"),
        text: Phrase::new(
            "Das Passwort des Kontos {} wurde soeben geändert. Wenn Sie das nicht waren, wählen Sie hier sofort ein neues:",
        ),
        otherwise: "Wenn Sie es waren, ist nichts zu tun.",
    },
};

static FRENCH: Mails = Mails {
    good_once: |minutes| format!("Le lien fonctionne une seule fois, pendant {minutes} minutes."),
    password_reset: Words {
        title: Phrase::new("Un nouveau mot de passe pour {}"),
        text: Phrase::new(
            "Quelqu’un, sans doute vous, souhaite choisir un nouveau mot de passe pour le compte {}. Pour le faire, ouvrez ce lien :",
        ),
        otherwise: "Si ce n’était pas vous, ignorez ce message : rien ne change.",
    },
    email_verification: Words {
        title: Phrase::new("Confirmez votre adresse e-mail pour {}"),
        text: Phrase::new(
            "Veuillez confirmer que cette adresse appartient au compte {}. Pour le faire, ouvrez ce lien :",
        ),
        otherwise: "Si vous ne connaissez pas ce compte, ignorez ce message.",
    },
    password_changed: Words {
        title: Phrase::new("Votre mot de passe pour {} a été modifié"),
        text: Phrase::new(
            "Le mot de passe du compte {} vient d’être modifié. Si ce n’était pas vous, choisissez-en un nouveau ici sans attendre :",
        ),
        otherwise: "Si c’était vous, vous n’avez rien à faire.",
    },
};

static JAPANESE: Mails = Mails {
    good_once: |minutes| format!("このリンクは{minutes}分以内に一度だけ使えます。"),
    password_reset: Words {
        title: Phrase::new("{}の新しいパスワード"),
        text: Phrase::new(
            "アカウント「{}」の新しいパスワードの設定が求められました。設定するには、次のリンクを開いてください。",
        ),
        otherwise: "心当たりがない場合は、このメールを無視してください。何も変わりません。",
    },
    email_verification: Words {
        title: Phrase::new("{}のメールアドレスの確認"),
        text: Phrase::new(
            "このメールアドレスがアカウント「{}」のものであることを確認してください。確認するには、次のリンクを開いてください。",
        ),
        otherwise: "このアカウントに心当たりがない場合は、このメールを無視してください。",
    },
    password_changed: Words {
        title: Phrase::new("{}のパスワードが変更されました"),
        text: Phrase::new(
            "アカウント「{}」のパスワードが変更されました。心当たりがない場合は、すぐに次のページで新しいパスワードを設定してください。",
        ),
        otherwise: "ご自身で変更した場合は、何もする必要はありません。",
    },
};

static ARABIC: Mails = Mails {
    good_once: |minutes| format!("يعمل الرابط مرة واحدة فقط، خلال {minutes} دقيقة."),
    password_reset: Words {
        title: Phrase::new("كلمة مرور جديدة لـ {}"),
        text: Phrase::new(
            "طلب شخص ما، ولعله أنت، اختيار كلمة مرور جديدة للحساب {}. للقيام بذلك افتح هذا الرابط:",
        ),
        otherwise: "إذا لم تكن أنت، فتجاهل هذه الرسالة: لن يتغير شيء.",
    },
    email_verification: Words {
        title: Phrase::new("تأكيد عنوان بريدك الإلكتروني لدى {}"),
        text: Phrase::new("يرجى تأكيد أن هذا العنوان يخص الحساب {}. للقيام بذلك افتح هذا الرابط:"),
        otherwise: "إذا كنت لا تعرف هذا الحساب، فتجاهل هذه الرسالة.",
    },
    password_changed: Words {
        title: Phrase::new("تغيّرت كلمة مرورك لدى {}"),
        text: Phrase::new(
            "تغيّرت كلمة مرور الحساب {} قبل قليل. إذا لم تكن أنت من غيّرها، فاختر كلمة جديدة هنا فورًا:",
        ),
        otherwise: "إذا كنت أنت من غيّرها، فلا داعي لأي إجراء.",
    },
};
