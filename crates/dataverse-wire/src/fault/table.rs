//! The table of known codes and the class of a fault.

use serde::{Deserialize, Serialize};

use super::ServiceCode;

/// What to do about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultClass {
    /// May pass by itself: send again, if that is safe.
    Transient,
    /// A limit of the service: wait, with everybody of the same application user. Nothing was executed.
    Throttled,
    /// One row is at fault: isolate it, record it, go on.
    Row,
    /// The request as a whole cannot be done like this: split it, make it smaller, use another message.
    Request,
    /// Nothing of this kind can succeed: stop with a clear message.
    Fatal,
}

impl FaultClass {
    /// One lower-case word, for tables and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Throttled => "throttled",
            Self::Row => "row",
            Self::Request => "request",
            Self::Fatal => "fatal",
        }
    }
}

/// One line of the table of codes (reference §12.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownCode {
    /// The code.
    pub code: ServiceCode,
    /// The service's name for it.
    pub name: &'static str,
    /// The HTTP status it comes with, mostly; what the emulator answers.
    pub status: u16,
    /// What to do.
    pub class: FaultClass,
    /// What is wanted is there already: a success if the content agrees (class D of the reference).
    pub is_duplicate: bool,
}

const fn known_code(code: u32, name: &'static str, status: u16, class: FaultClass) -> KnownCode {
    KnownCode { code: ServiceCode(code), name, status, class, is_duplicate: false }
}

const fn duplicate(code: u32, name: &'static str) -> KnownCode {
    KnownCode { code: ServiceCode(code), name, status: 412, class: FaultClass::Row, is_duplicate: true }
}

use FaultClass::{Fatal, Request, Row, Throttled, Transient};

/// All known codes.
///
/// Where the reference says *never* about something that is one row's own (the right to it, its owner's privileges),
/// the class is `Row`, so that a bad owner does not stop a migration; where it says so about a message that the table
/// lacks, it is `Request`, since another message may do.
pub const KNOWN_CODES: &[KnownCode] = &[
    known_code(0x8004_0217, "ObjectDoesNotExist", 404, Row),
    known_code(0x8006_0891, "RecordNotFoundByEntityKey", 404, Row),
    known_code(0x8006_089D, "MultipleRecordsFoundByEntityKey", 400, Row),
    known_code(0x8006_0890, "EntityKeyNotDefined", 400, Fatal),
    known_code(0x8006_088F, "InvalidEntityKeyOperation", 400, Fatal),
    duplicate(0x8004_0237, "DuplicateRecord"),
    duplicate(0x8006_0892, "DuplicateRecordEntityKey"),
    duplicate(0x8007_3002, "CrmSQLUniqueIndexOrConstraintViolation"),
    known_code(0x8004_0333, "DuplicateRecordsFound", 412, Row),
    known_code(0x8006_0882, "ConcurrencyVersionMismatch", 412, Row),
    known_code(0x8006_0883, "ConcurrencyVersionNotProvided", 400, Fatal),
    known_code(0x8004_0203, "InvalidArgument", 400, Row),
    known_code(0x8004_4331, "StringLengthTooLong", 400, Row),
    known_code(0x8007_3001, "CrmSQLCharLengthTooLong", 400, Row),
    known_code(0x8004_432F, "IntegerValueOutOfRange", 400, Row),
    known_code(0x8004_4330, "DecimalValueOutOfRange", 400, Row),
    known_code(0x8004_1136, "SqlArithmeticOverflowError", 400, Row),
    known_code(0x8004_0239, "InvalidDateTime", 400, Row),
    known_code(0x8004_025A, "DateTimeFormatFailed", 400, Row),
    known_code(0x8004_431A, "PicklistValueOutOfRange", 400, Row),
    known_code(0x8004_4354, "IncorrectAttributeValueType", 400, Row),
    known_code(0x8004_3506, "InvalidPartyMapping", 400, Row),
    known_code(0x8004_8408, "InvalidStateCodeStatusCode", 400, Row),
    known_code(0x8004_F00E, "InvalidStateTransition", 400, Row),
    known_code(0x8004_0233, "InvalidState", 400, Row),
    known_code(0x8004_051A, "OpportunityAlreadyInOpenState", 400, Row),
    known_code(0x8004_0230, "CannotUpdateObjectBecauseItIsInactive", 400, Row),
    known_code(0x8004_022E, "CannotUpdateBecauseItIsReadOnly", 400, Row),
    known_code(0x8004_440A, "IncidentHasOpenActivities", 400, Row),
    known_code(0x8004_0353, "LookupNotFound", 400, Row),
    known_code(0x8004_1103, "QueryBuilderNoAttribute", 400, Fatal),
    known_code(0x8004_1102, "QueryBuilderNoEntity", 400, Fatal),
    known_code(0x8005_E00C, "InvalidEntity", 400, Fatal),
    known_code(0x8007_2493, "InvalidEntityLogicalName", 400, Fatal),
    known_code(0x8006_088A, "CrmHttpError", 404, Fatal),
    known_code(0x8006_0888, "ODataPropertyNotFound", 400, Fatal),
    known_code(0x8004_8D19, "InvalidPayload", 400, Row),
    known_code(0x8004_8D0B, "LinkEntitiesNotSupported", 400, Fatal),
    known_code(0x8004_E023, "AggregateQueryRecordLimitExceeded", 400, Request),
    known_code(0x8004_4352, "ExpiredVersionStamp", 400, Request),
    known_code(0x8004_0220, "PrivilegeDenied", 403, Fatal),
    known_code(0x8004_0231, "PrincipalPrivilegeDenied", 403, Fatal),
    known_code(0x8004_8306, "unManagedIdsAccessDenied", 403, Row),
    known_code(0x8004_0299, "CrmCheckPrivilegeFailed", 403, Fatal),
    known_code(0x8004_8405, "AccessDenied", 403, Fatal),
    known_code(0x8004_F502, "AttributePrivilegeCreateIsMissing", 403, Fatal),
    known_code(0x8004_F507, "AttributePrivilegeUpdateIsMissing", 403, Fatal),
    known_code(0x8004_F504, "AttributePermissionReadIsMissing", 403, Fatal),
    known_code(0x8009_724C, "AggregateOnSecuredColumn", 403, Fatal),
    known_code(0x8004_A110, "CannotActOnBehalfOfAnotherUser", 403, Fatal),
    known_code(0x8007_2560, "UserNotMemberOfOrg", 403, Fatal),
    known_code(0x8004_8D2F, "AdministratorWithFullAccessNeeded", 403, Fatal),
    known_code(0x8004_022B, "OwnerNotEnabled", 403, Row),
    known_code(0x8004_0225, "UserNotEnabled", 403, Row),
    known_code(0x8004_0215, "MissingOwner", 400, Row),
    known_code(0x8004_0229, "InvalidOwnerID", 400, Row),
    known_code(0x8004_2F09, "UserNotAssignedRoles", 403, Fatal),
    known_code(0x8004_D24B, "UserNotAssignedLicense", 403, Fatal),
    known_code(0x8009_5FFC, "ApplicationBasedAccessControlError", 403, Fatal),
    known_code(0x8004_A104, "OrganizationDisabled", 403, Fatal),
    known_code(0x8004_0227, "CannotDeleteDueToAssociation", 405, Row),
    known_code(0x8004_0315, "NotSupported", 405, Request),
    known_code(0x8004_023B, "InvalidOperation", 405, Request),
    known_code(0x8004_0219, "NotImplemented", 501, Request),
    known_code(0x8004_0265, "IsvAborted", 400, Row),
    known_code(0x8004_0224, "IsvUnExpected", 500, Transient),
    known_code(0x8004_4171, "SandboxTimeout", 500, Transient),
    known_code(0x8004_4172, "SandboxWorkerTimeout", 500, Transient),
    known_code(0x8004_4173, "SandboxHostTimeout", 500, Transient),
    known_code(0x8008_1111, "SandboxExecutionTimeout", 500, Transient),
    known_code(0x8004_0216, "UnExpected", 500, Transient),
    known_code(0x8004_4150, "unManagedidssqlerror", 500, Transient),
    known_code(0x8004_4151, "unManagedidssqltimeouterror", 500, Request),
    known_code(0x8004_0255, "TransactionAborted", 500, Transient),
    known_code(0x8004_0251, "TransactionNotStarted", 500, Row),
    known_code(0x8007_3000, "CrmSQLNetworkingError", 500, Transient),
    known_code(0x8004_A001, "CrmSqlGovernorDatabaseRequestDenied", 503, Throttled),
    known_code(0x8007_2323, "AzureSqlResourceLimitExceeded", 503, Throttled),
    known_code(0x8007_2324, "AzureSqlMaxConcurrentWorkersLimitExceeded", 503, Throttled),
    known_code(0x8007_2325, "StorageQuotaExceeded", 403, Fatal),
    known_code(0x8007_2321, "ThrottlingTimeExceededError", 429, Throttled),
    known_code(0x8007_2322, "ThrottlingBurstRequestLimitExceededError", 429, Throttled),
    known_code(0x8007_2326, "ThrottlingConcurrencyLimitExceededError", 429, Throttled),
    known_code(0x8005_F103, "Throttling", 429, Throttled),
    known_code(0x8004_8544, "QueryThrottled", 400, Throttled),
    known_code(0x8004_8644, "QueryThrottledRepeatedly", 400, Throttled),
    known_code(0x8004_8744, "QueryBlocked", 400, Throttled),
    known_code(0x8004_8543, "SolutionImportCauseTimeout", 500, Transient),
    known_code(0x8004_4A02, "AttachmentTooBig", 400, Row),
    known_code(0x8009_0017, "SelfManagedKeyCannotChunk", 400, Fatal),
    known_code(0x8006_0897, "EntityKeyNotReactivatable", 400, Fatal),
    known_code(0x8004_A100, "InvalidAuthTicket", 401, Fatal),
    known_code(0x8004_A101, "ExpiredAuthTicket", 401, Fatal),
    known_code(0x8004_A102, "BadAuthTicket", 401, Fatal),
    known_code(0x8004_4300, "MissingAuthTicket", 401, Fatal),
];

/// The line of a code.
pub(super) fn known(code: ServiceCode) -> Option<&'static KnownCode> {
    KNOWN_CODES.iter().find(|known| known.code == code)
}

/// The class of a status alone, for answers without a code that is known (reference §12.2).
pub(super) fn class_of_status(status: u16) -> FaultClass {
    match status {
        429 => Throttled,
        400 | 404 | 409 | 410 | 412 | 422 => Row,
        405 | 408 | 413 | 414 | 415 | 431 | 501 => Request,
        401 | 403 => Fatal,
        status if status >= 500 => Transient,
        _ => Fatal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_code_stands_in_the_table_twice() {
        let distinct: HashSet<_> = KNOWN_CODES.iter().map(|known| known.code).collect();
        assert_eq!(distinct.len(), KNOWN_CODES.len());
    }

    #[test]
    fn a_status_without_code_has_a_class() {
        for (status, class) in [
            (400, Row),
            (401, Fatal),
            (403, Fatal),
            (404, Row),
            (405, Request),
            (412, Row),
            (413, Request),
            (418, Fatal),
            (429, Throttled),
            (500, Transient),
            (501, Request),
            (502, Transient),
            (503, Transient),
            (504, Transient),
        ] {
            assert_eq!(class_of_status(status), class, "{status}");
        }
    }
}
