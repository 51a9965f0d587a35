//! The files of the demo, inside the program: a real Salesforce export (BSD-3-Clause, its licence beside it) and the
//! project that moves it.

/// The tables that the target has beside the standard ones.
pub(super) const CUSTOM_TABLES: &[u8] = include_bytes!("../../../../fixtures/metadata/custom-tables.json");

/// Name in the project folder and content; the project file is the last.
pub(super) const PROJECT: &[(&str, &[u8])] = &[
    (
        "optionset-mapping.csv",
        include_bytes!("../../../../fixtures/projects/sf-workshop/optionset-mapping.csv"),
    ),
    ("overrides.json", include_bytes!("../../../../fixtures/projects/sf-workshop/overrides.json")),
    (
        "scripts/currency.sql",
        include_bytes!("../../../../fixtures/projects/sf-workshop/scripts/currency.sql"),
    ),
    ("source/Account.csv", include_bytes!("../../../../fixtures/source/sf-data-cloud-workshop/Account.csv")),
    (
        "source/AccountContactRelation.csv",
        include_bytes!("../../../../fixtures/source/sf-data-cloud-workshop/AccountContactRelation.csv"),
    ),
    (
        "source/Branch__c.csv",
        include_bytes!("../../../../fixtures/source/sf-data-cloud-workshop/Branch__c.csv"),
    ),
    (
        "source/Campaign.csv",
        include_bytes!("../../../../fixtures/source/sf-data-cloud-workshop/Campaign.csv"),
    ),
    (
        "source/CampaignMember.csv",
        include_bytes!("../../../../fixtures/source/sf-data-cloud-workshop/CampaignMember.csv"),
    ),
    ("source/Case.csv", include_bytes!("../../../../fixtures/source/sf-data-cloud-workshop/Case.csv")),
    ("source/Contact.csv", include_bytes!("../../../../fixtures/source/sf-data-cloud-workshop/Contact.csv")),
    ("source/Currency.csv", include_bytes!("../../../../fixtures/projects/sf-workshop/source/Currency.csv")),
    ("source/LICENSE", include_bytes!("../../../../fixtures/source/sf-data-cloud-workshop/LICENSE")),
    ("source/Lead.csv", include_bytes!("../../../../fixtures/source/sf-data-cloud-workshop/Lead.csv")),
    (
        "source/Opportunity.csv",
        include_bytes!("../../../../fixtures/source/sf-data-cloud-workshop/Opportunity.csv"),
    ),
    ("source/Task.csv", include_bytes!("../../../../fixtures/source/sf-data-cloud-workshop/Task.csv")),
    ("migration.toml", include_bytes!("../../../../fixtures/projects/sf-workshop/migration.toml")),
];
