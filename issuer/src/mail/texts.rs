//! The words of mails, one static for each language: a missing one does not compile. Plain text, no secrets, and nothing
//! that a stranger chose but the name of an account.

use super::Kind;
use crate::page::{Language, Phrase};

const DAY: u32 = 86_400;

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
    minutes: fn(u32) -> String,
    days: fn(u32) -> String,
    password_reset: Words,
    email_verification: Words,
    password_changed: Words,
    registration: Words,
    invitation: Words,
    already_registered: Words,
}

impl Language {
    /// The words of a mail.
    pub(super) fn mail(self, kind: Kind) -> &'static Words {
        let mails = self.mails();
        match kind {
            Kind::PasswordReset => &mails.password_reset,
            Kind::EmailVerification => &mails.email_verification,
            Kind::PasswordChanged => &mails.password_changed,
            Kind::Registration => &mails.registration,
            Kind::Invitation => &mails.invitation,
            Kind::AlreadyRegistered => &mails.already_registered,
        }
    }

    /// That a link works once, and for how many seconds, in a measure that people use.
    pub(super) fn good_once(self, seconds: u32) -> String {
        match seconds / DAY {
            0 | 1 => (self.mails().minutes)(seconds.div_ceil(60).max(1)),
            days => (self.mails().days)(days),
        }
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
    minutes: |minutes| format!("The link works once, within {minutes} minutes."),
    days: |days| format!("The link works once, within {days} days."),
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
    registration: Words {
        title: Phrase::new("Create your account at {}"),
        text: Phrase::new(
            "Somebody, probably you, wants to create an account with the address {}. Open this link to do so:",
        ),
        otherwise: "If it was not you, ignore this mail: there will be no account.",
    },
    invitation: Words {
        title: Phrase::new("An invitation to {}"),
        text: Phrase::new(
            "You are invited to create an account with the address {}. Open this link to do so:",
        ),
        otherwise: "If you do not know why, ignore this mail.",
    },
    already_registered: Words {
        title: Phrase::new("You have an account at {}"),
        text: Phrase::new(
            "Somebody, probably you, wanted to create an account with this address, but there is one already: {}. If you forgot its password, choose a new one here:",
        ),
        otherwise: "If it was not you, ignore this mail: nothing changes.",
    },
};

static GERMAN: Mails = Mails {
    minutes: |minutes| format!("Der Link gilt einmal, innerhalb von {minutes} Minuten."),
    days: |days| format!("Der Link gilt einmal, innerhalb von {days} Tagen."),
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
    registration: Words {
        title: Phrase::new("Legen Sie Ihr Konto bei {} an"),
        text: Phrase::new(
            "Jemand, wahrscheinlich Sie selbst, möchte ein Konto mit der Adresse {} anlegen. Öffnen Sie dazu diesen Link:",
        ),
        otherwise: "Wenn Sie das nicht waren, ignorieren Sie diese Mail: Es entsteht kein Konto.",
    },
    invitation: Words {
        title: Phrase::new("Eine Einladung zu {}"),
        text: Phrase::new(
            "Sie sind eingeladen, ein Konto mit der Adresse {} anzulegen. Öffnen Sie dazu diesen Link:",
        ),
        otherwise: "Wenn Sie nicht wissen, warum, ignorieren Sie diese Mail.",
    },
    already_registered: Words {
        title: Phrase::new("Sie haben ein Konto bei {}"),
        text: Phrase::new(
            "Jemand, wahrscheinlich Sie selbst, wollte ein Konto mit dieser Adresse anlegen, aber es gibt schon eines: {}. Wenn Sie sein Passwort vergessen haben, wählen Sie hier ein neues:",
        ),
        otherwise: "Wenn Sie das nicht waren, ignorieren Sie diese Mail: Es ändert sich nichts.",
    },
};

static FRENCH: Mails = Mails {
    minutes: |minutes| format!("Le lien fonctionne une seule fois, pendant {minutes} minutes."),
    days: |days| format!("Le lien fonctionne une seule fois, pendant {days} jours."),
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
    registration: Words {
        title: Phrase::new("Créez votre compte sur {}"),
        text: Phrase::new(
            "Quelqu’un, sans doute vous, souhaite créer un compte avec l’adresse {}. Pour le faire, ouvrez ce lien :",
        ),
        otherwise: "Si ce n’était pas vous, ignorez ce message : aucun compte ne sera créé.",
    },
    invitation: Words {
        title: Phrase::new("Une invitation à {}"),
        text: Phrase::new(
            "Vous êtes invité à créer un compte avec l’adresse {}. Pour le faire, ouvrez ce lien :",
        ),
        otherwise: "Si vous ne savez pas pourquoi, ignorez ce message.",
    },
    already_registered: Words {
        title: Phrase::new("Vous avez déjà un compte sur {}"),
        text: Phrase::new(
            "Quelqu’un, sans doute vous, a voulu créer un compte avec cette adresse, mais il en existe déjà un : {}. Si vous avez oublié son mot de passe, choisissez-en un nouveau ici :",
        ),
        otherwise: "Si ce n’était pas vous, ignorez ce message : rien ne change.",
    },
};

static JAPANESE: Mails = Mails {
    minutes: |minutes| format!("このリンクは{minutes}分以内に一度だけ使えます。"),
    days: |days| format!("このリンクは{days}日以内に一度だけ使えます。"),
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
    registration: Words {
        title: Phrase::new("{}のアカウントの作成"),
        text: Phrase::new(
            "メールアドレス {} でのアカウントの作成が求められました。作成するには、次のリンクを開いてください。",
        ),
        otherwise: "心当たりがない場合は、このメールを無視してください。アカウントは作成されません。",
    },
    invitation: Words {
        title: Phrase::new("{}への招待"),
        text: Phrase::new(
            "メールアドレス {} でアカウントを作成するよう招待されています。作成するには、次のリンクを開いてください。",
        ),
        otherwise: "心当たりがない場合は、このメールを無視してください。",
    },
    already_registered: Words {
        title: Phrase::new("{}のアカウントは既にあります"),
        text: Phrase::new(
            "このメールアドレスでアカウントの作成が求められましたが、既にアカウント「{}」があります。パスワードを忘れた場合は、次のページで新しいパスワードを設定してください。",
        ),
        otherwise: "心当たりがない場合は、このメールを無視してください。何も変わりません。",
    },
};

static ARABIC: Mails = Mails {
    minutes: |minutes| format!("يعمل الرابط مرة واحدة فقط، خلال {minutes} دقيقة."),
    days: |days| match days {
        2 => "يعمل الرابط مرة واحدة فقط، خلال يومين.".to_owned(),
        3..=10 => format!("يعمل الرابط مرة واحدة فقط، خلال {days} أيام."),
        _ => format!("يعمل الرابط مرة واحدة فقط، خلال {days} يومًا."),
    },
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
    registration: Words {
        title: Phrase::new("إنشاء حسابك لدى {}"),
        text: Phrase::new(
            "طلب شخص ما، ولعله أنت، إنشاء حساب بالعنوان {}. للقيام بذلك افتح هذا الرابط:",
        ),
        otherwise: "إذا لم تكن أنت، فتجاهل هذه الرسالة: لن يُنشأ أي حساب.",
    },
    invitation: Words {
        title: Phrase::new("دعوة إلى {}"),
        text: Phrase::new("أنت مدعو إلى إنشاء حساب بالعنوان {}. للقيام بذلك افتح هذا الرابط:"),
        otherwise: "إذا كنت لا تعرف السبب، فتجاهل هذه الرسالة.",
    },
    already_registered: Words {
        title: Phrase::new("لديك حساب لدى {}"),
        text: Phrase::new(
            "أراد شخص ما، ولعله أنت، إنشاء حساب بهذا العنوان، لكن هناك حسابًا بالفعل: {}. إذا نسيت كلمة مروره، فاختر كلمة جديدة هنا:",
        ),
        otherwise: "إذا لم تكن أنت، فتجاهل هذه الرسالة: لن يتغير شيء.",
    },
};
