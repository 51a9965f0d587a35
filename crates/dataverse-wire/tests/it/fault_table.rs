//! All codes of the reference, each with its class; and whatever a body may hold.

use dataverse_wire::fault::FaultClass::{Fatal, Request, Row, Throttled, Transient};
use dataverse_wire::fault::{FaultClass, KNOWN_CODES, ServiceCode, ServiceFault};
use proptest::prelude::*;

/// Reference §12.3 line by line: name, hexadecimal, decimal, HTTP status, class. Written out once more, so that a slip in
/// the table shows.
const EXPECTED: &[(&str, &str, i32, u16, FaultClass)] = &[
    ("ObjectDoesNotExist", "0x80040217", -2_147_220_969, 404, Row),
    ("RecordNotFoundByEntityKey", "0x80060891", -2_147_088_239, 404, Row),
    ("MultipleRecordsFoundByEntityKey", "0x8006089D", -2_147_088_227, 400, Row),
    ("EntityKeyNotDefined", "0x80060890", -2_147_088_240, 400, Fatal),
    ("InvalidEntityKeyOperation", "0x8006088F", -2_147_088_241, 400, Fatal),
    ("DuplicateRecord", "0x80040237", -2_147_220_937, 412, Row),
    ("DuplicateRecordEntityKey", "0x80060892", -2_147_088_238, 412, Row),
    ("CrmSQLUniqueIndexOrConstraintViolation", "0x80073002", -2_147_012_606, 412, Row),
    ("DuplicateRecordsFound", "0x80040333", -2_147_220_685, 412, Row),
    ("ConcurrencyVersionMismatch", "0x80060882", -2_147_088_254, 412, Row),
    ("ConcurrencyVersionNotProvided", "0x80060883", -2_147_088_253, 400, Fatal),
    ("InvalidArgument", "0x80040203", -2_147_220_989, 400, Row),
    ("StringLengthTooLong", "0x80044331", -2_147_204_303, 400, Row),
    ("CrmSQLCharLengthTooLong", "0x80073001", -2_147_012_607, 400, Row),
    ("IntegerValueOutOfRange", "0x8004432F", -2_147_204_305, 400, Row),
    ("DecimalValueOutOfRange", "0x80044330", -2_147_204_304, 400, Row),
    ("SqlArithmeticOverflowError", "0x80041136", -2_147_217_098, 400, Row),
    ("InvalidDateTime", "0x80040239", -2_147_220_935, 400, Row),
    ("DateTimeFormatFailed", "0x8004025A", -2_147_220_902, 400, Row),
    ("PicklistValueOutOfRange", "0x8004431A", -2_147_204_326, 400, Row),
    ("IncorrectAttributeValueType", "0x80044354", -2_147_204_268, 400, Row),
    ("InvalidStateCodeStatusCode", "0x80048408", -2_147_187_704, 400, Row),
    ("InvalidStateTransition", "0x8004F00E", -2_147_160_050, 400, Row),
    ("InvalidState", "0x80040233", -2_147_220_941, 400, Row),
    ("CannotUpdateObjectBecauseItIsInactive", "0x80040230", -2_147_220_944, 400, Row),
    ("CannotUpdateBecauseItIsReadOnly", "0x8004022E", -2_147_220_946, 400, Row),
    ("LookupNotFound", "0x80040353", -2_147_220_653, 400, Row),
    ("QueryBuilderNoAttribute", "0x80041103", -2_147_217_149, 400, Fatal),
    ("QueryBuilderNoEntity", "0x80041102", -2_147_217_150, 400, Fatal),
    ("InvalidEntity", "0x8005E00C", -2_147_098_612, 400, Fatal),
    ("InvalidEntityLogicalName", "0x80072493", -2_147_015_533, 400, Fatal),
    ("CrmHttpError", "0x8006088A", -2_147_088_246, 404, Fatal),
    ("ODataPropertyNotFound", "0x80060888", -2_147_088_248, 400, Fatal),
    ("InvalidPayload", "0x80048D19", -2_147_185_383, 400, Row),
    ("AggregateQueryRecordLimitExceeded", "0x8004E023", -2_147_164_125, 400, Request),
    ("PrivilegeDenied", "0x80040220", -2_147_220_960, 403, Fatal),
    ("PrincipalPrivilegeDenied", "0x80040231", -2_147_220_943, 403, Fatal),
    ("unManagedIdsAccessDenied", "0x80048306", -2_147_187_962, 403, Row),
    ("AccessDenied", "0x80048405", -2_147_187_707, 403, Fatal),
    ("AttributePrivilegeCreateIsMissing", "0x8004F502", -2_147_158_782, 403, Fatal),
    ("AttributePrivilegeUpdateIsMissing", "0x8004F507", -2_147_158_777, 403, Fatal),
    ("AttributePermissionReadIsMissing", "0x8004F504", -2_147_158_780, 403, Fatal),
    ("CannotActOnBehalfOfAnotherUser", "0x8004A110", -2_147_180_272, 403, Fatal),
    ("UserNotMemberOfOrg", "0x80072560", -2_147_015_328, 403, Fatal),
    ("OwnerNotEnabled", "0x8004022B", -2_147_220_949, 403, Row),
    ("UserNotEnabled", "0x80040225", -2_147_220_955, 403, Row),
    ("MissingOwner", "0x80040215", -2_147_220_971, 400, Row),
    ("InvalidOwnerID", "0x80040229", -2_147_220_951, 400, Row),
    ("UserNotAssignedRoles", "0x80042F09", -2_147_209_463, 403, Fatal),
    ("UserNotAssignedLicense", "0x8004D24B", -2_147_167_669, 403, Fatal),
    ("ApplicationBasedAccessControlError", "0x80095FFC", -2_146_869_252, 403, Fatal),
    ("OrganizationDisabled", "0x8004A104", -2_147_180_284, 403, Fatal),
    ("CannotDeleteDueToAssociation", "0x80040227", -2_147_220_953, 405, Row),
    ("NotSupported", "0x80040315", -2_147_220_715, 405, Request),
    ("InvalidOperation", "0x8004023B", -2_147_220_933, 405, Request),
    ("NotImplemented", "0x80040219", -2_147_220_967, 501, Request),
    ("IsvAborted", "0x80040265", -2_147_220_891, 400, Row),
    ("IsvUnExpected", "0x80040224", -2_147_220_956, 500, Transient),
    ("SandboxTimeout", "0x80044171", -2_147_204_751, 500, Transient),
    ("SandboxWorkerTimeout", "0x80044172", -2_147_204_750, 500, Transient),
    ("SandboxHostTimeout", "0x80044173", -2_147_204_749, 500, Transient),
    ("SandboxExecutionTimeout", "0x80081111", -2_146_954_991, 500, Transient),
    ("UnExpected", "0x80040216", -2_147_220_970, 500, Transient),
    ("unManagedidssqlerror", "0x80044150", -2_147_204_784, 500, Transient),
    ("unManagedidssqltimeouterror", "0x80044151", -2_147_204_783, 500, Request),
    ("TransactionAborted", "0x80040255", -2_147_220_907, 500, Transient),
    ("TransactionNotStarted", "0x80040251", -2_147_220_911, 500, Row),
    ("CrmSQLNetworkingError", "0x80073000", -2_147_012_608, 500, Transient),
    ("CrmSqlGovernorDatabaseRequestDenied", "0x8004A001", -2_147_180_543, 503, Throttled),
    ("AzureSqlMaxConcurrentWorkersLimitExceeded", "0x80072324", -2_147_015_900, 503, Throttled),
    ("StorageQuotaExceeded", "0x80072325", -2_147_015_899, 403, Fatal),
    ("ThrottlingTimeExceededError", "0x80072321", -2_147_015_903, 429, Throttled),
    ("ThrottlingBurstRequestLimitExceededError", "0x80072322", -2_147_015_902, 429, Throttled),
    ("ThrottlingConcurrencyLimitExceededError", "0x80072326", -2_147_015_898, 429, Throttled),
    ("SolutionImportCauseTimeout", "0x80048543", -2_147_187_389, 500, Transient),
    ("AttachmentTooBig", "0x80044A02", -2_147_202_558, 400, Row),
    ("InvalidAuthTicket", "0x8004A100", -2_147_180_288, 401, Fatal),
    ("ExpiredAuthTicket", "0x8004A101", -2_147_180_287, 401, Fatal),
    ("BadAuthTicket", "0x8004A102", -2_147_180_286, 401, Fatal),
    ("MissingAuthTicket", "0x80044300", -2_147_204_352, 401, Fatal),
];

#[test]
fn every_code_of_the_reference_has_its_name_status_and_class() {
    for &(name, hex, number, status, class) in EXPECTED {
        let code: ServiceCode = hex.parse().unwrap();
        assert_eq!(code.number(), number, "{name}");
        assert_eq!(number.to_string().parse::<ServiceCode>().unwrap(), code, "{name}");
        assert_eq!(code.name(), Some(name), "{hex}");
        let fault = ServiceFault::new(code, "some text");
        assert_eq!((fault.status, fault.class()), (status, class), "{name}");
        let body = format!(r#"{{"error":{{"code":"{hex}","message":"some text"}}}}"#);
        assert_eq!(ServiceFault::parse(status, body.as_bytes()), fault, "{name}");
    }
}

#[test]
fn codes_from_outside_the_table_of_the_reference_are_known_too() {
    for (hex, class) in [
        ("0x80048544", Throttled),
        ("0x80048644", Throttled),
        ("0x80048744", Throttled),
        ("0x8005F103", Throttled),
        ("0x8004440A", Row),
        ("0x8004051A", Row),
        ("0x80072323", Throttled),
    ] {
        assert_eq!(ServiceFault::new(hex.parse().unwrap(), "").class(), class, "{hex}");
    }
    assert!(KNOWN_CODES.len() > EXPECTED.len());
}

#[test]
fn only_duplicates_are_duplicates() {
    for known in KNOWN_CODES {
        let expected =
            ["DuplicateRecord", "DuplicateRecordEntityKey", "CrmSQLUniqueIndexOrConstraintViolation"];
        assert_eq!(known.is_duplicate, expected.contains(&known.name), "{}", known.name);
    }
}

proptest! {
    #[test]
    fn any_answer_becomes_a_fault_with_a_class(status in 100_u16..600, body in prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        "\\{\"error\":(\\{\"code\":(\"[0-9a-fx-]{0,12}\"|[0-9]{1,12}|null),\"message\":(\"[ -~]{0,20}\"|\\{\\}|1)\\}|null|\"x\")\\}"
            .prop_map(String::into_bytes),
        "<[ -~]{0,40}(<title>[ -~]{0,20}(</title>)?)?".prop_map(String::into_bytes),
    ]) {
        let fault = ServiceFault::parse(status, &body);
        prop_assert_eq!(fault.status, status);
        let _ = (fault.class(), fault.to_string(), fault.column(), fault.is_duplicate(), fault.is_not_found());
        if status == 429 {
            prop_assert_eq!(fault.class(), Throttled);
        }
    }
}
