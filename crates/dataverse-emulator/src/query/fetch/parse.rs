//! From XML to a query, before anybody knows the tables.

use roxmltree::{Document, Node};

use crate::refusal::{self, Refusal};

/// `<fetch>`.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "attributes of the element")]
pub(super) struct Fetch {
    pub(super) top: Option<usize>,
    pub(super) count: Option<usize>,
    pub(super) page: Option<usize>,
    /// `paging-cookie`, decoded.
    pub(super) cookie: Option<String>,
    pub(super) distinct: bool,
    pub(super) aggregate: bool,
    pub(super) aggregate_limit: Option<usize>,
    /// `returntotalrecordcount`.
    pub(super) total: bool,
    /// `useraworderby`: choices are ordered by value instead of label.
    pub(super) raw_order: bool,
    pub(super) entity: Entity,
}

/// `<entity>` or `<link-entity>`.
#[derive(Debug)]
pub(super) struct Entity {
    pub(super) name: String,
    pub(super) alias: Option<String>,
    /// Of a `<link-entity>`.
    pub(super) link: Option<Link>,
    /// `<all-attributes/>`.
    pub(super) all: bool,
    pub(super) attributes: Vec<Attribute>,
    pub(super) orders: Vec<Order>,
    pub(super) filters: Vec<Filter>,
    pub(super) links: Vec<Self>,
}

/// How a linked table is joined.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) kind: LinkKind,
}

/// `link-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkKind {
    Inner,
    Outer,
    /// `matchfirstrowusingcrossapply`.
    First,
    /// `exists` and `in` beside the entity; `any`, and `not all` in spite of its name, inside of a filter.
    Exists,
    /// `not any`: no linked row meets the filters.
    NotAny,
    /// `all`: there are linked rows, and none meets the filters.
    All,
}

/// `<attribute>`.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) alias: Option<String>,
    pub(super) aggregate: Option<String>,
    pub(super) group_by: bool,
    pub(super) distinct: bool,
    pub(super) date_grouping: Option<String>,
}

/// `<order>`: by a column, or by the alias of an aggregate.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) attribute: Option<String>,
    pub(super) alias: Option<String>,
    pub(super) entity: Option<String>,
    pub(super) descending: bool,
}

/// `<filter>`.
#[derive(Debug)]
pub(super) struct Filter {
    /// `type="or"`.
    pub(super) any: bool,
    pub(super) parts: Vec<Part>,
}

/// What stands in a filter.
#[derive(Debug)]
pub(super) enum Part {
    Filter(Filter),
    Condition(RawCondition),
    Link(Entity),
}

/// `<condition>`.
#[derive(Debug)]
pub(super) struct RawCondition {
    pub(super) entity: Option<String>,
    pub(super) attribute: String,
    pub(super) operator: String,
    pub(super) values: Vec<String>,
    pub(super) value_of: Option<String>,
}

/// Elements within elements: more is a mistake, or an attack on the stack.
const MAX_DEPTH: usize = 50;

impl Fetch {
    pub(super) fn parse(xml: &str) -> Result<Self, Refusal> {
        refuse_deep(xml)?;
        let document = Document::parse(xml).map_err(|error| invalid(error.to_string()))?;
        let root = document.root_element();
        expect_name(root, "fetch")?;
        if let Some(source) = root.attribute("datasource") {
            return Err(refusal::not_emulated(format_args!("FetchXML with datasource='{source}'")));
        }
        only(
            root,
            &[
                "top",
                "count",
                "page",
                "paging-cookie",
                "distinct",
                "aggregate",
                "aggregatelimit",
                "returntotalrecordcount",
                "useraworderby",
                "version",
                "mapping",
                "output-format",
                "no-lock",
                "latematerialize",
                "options",
                "utc-offset",
                "savedqueryid",
            ],
        )?;
        let mut entities = root.children().filter(Node::is_element);
        let (Some(entity), None) = (entities.next(), entities.next()) else {
            return Err(invalid("the fetch element has exactly one entity element"));
        };
        expect_name(entity, "entity")?;
        Ok(Self {
            top: number(root, "top")?,
            count: number(root, "count")?,
            page: number(root, "page")?,
            cookie: root.attribute("paging-cookie").map(str::to_owned).filter(|cookie| !cookie.is_empty()),
            distinct: flag(root, "distinct")?,
            aggregate: flag(root, "aggregate")?,
            aggregate_limit: number(root, "aggregatelimit")?,
            total: flag(root, "returntotalrecordcount")?,
            raw_order: flag(root, "useraworderby")?,
            entity: self::entity(entity)?,
        })
    }
}

/// The reader of XML descends by recursion, as we do.
fn refuse_deep(xml: &str) -> Result<(), Refusal> {
    let mut depth = 0_usize;
    for tag in xml.split('<').skip(1) {
        let ends_itself = tag.split('>').next().is_some_and(|tag| tag.ends_with('/'));
        if tag.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !ends_itself && !tag.starts_with(['!', '?']) {
            depth += 1;
            if depth > MAX_DEPTH {
                return Err(invalid(format!("elements are nested more than {MAX_DEPTH} deep")));
            }
        }
    }
    Ok(())
}

fn invalid(detail: impl std::fmt::Display) -> Refusal {
    refusal::refusal(400, 0x8004_0201, format!("Invalid XML: {detail}."))
}

fn expect_name(node: Node<'_, '_>, name: &str) -> Result<(), Refusal> {
    let found = node.tag_name().name();
    if found == name { Ok(()) } else { Err(invalid(format_args!("'{found}' stands where '{name}' should"))) }
}

/// Refuses attributes that would otherwise be ignored in silence.
fn only(node: Node<'_, '_>, known: &[&str]) -> Result<(), Refusal> {
    match node.attributes().find(|attribute| !known.contains(&attribute.name())) {
        Some(unknown) => Err(invalid(format_args!(
            "the '{}' attribute is not declared for the '{}' element",
            unknown.name(),
            node.tag_name().name()
        ))),
        None => Ok(()),
    }
}

fn number(node: Node<'_, '_>, name: &str) -> Result<Option<usize>, Refusal> {
    let Some(text) = node.attribute(name) else { return Ok(None) };
    match text.trim().parse() {
        Ok(number) if number > 0 => Ok(Some(number)),
        _ => Err(invalid(format_args!("the '{name}' attribute is a positive number, not '{text}'"))),
    }
}

fn flag(node: Node<'_, '_>, name: &str) -> Result<bool, Refusal> {
    match node.attribute(name).map(str::trim) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(other) => Err(invalid(format_args!("the '{name}' attribute is true or false, not '{other}'"))),
    }
}

fn required(node: Node<'_, '_>, name: &str) -> Result<String, Refusal> {
    node.attribute(name).map(str::to_owned).ok_or_else(|| {
        invalid(format_args!("the '{}' element needs the '{name}' attribute", node.tag_name().name()))
    })
}

fn text(node: Node<'_, '_>, name: &str) -> Option<String> {
    node.attribute(name).map(str::to_owned).filter(|text| !text.is_empty())
}

fn entity(node: Node<'_, '_>) -> Result<Entity, Refusal> {
    let link = if node.tag_name().name() == "link-entity" {
        only(
            node,
            &["name", "from", "to", "alias", "link-type", "intersect", "visible", "enableprefiltering"],
        )?;
        let kind = match node.attribute("link-type").unwrap_or("inner") {
            "inner" | "natural" => LinkKind::Inner,
            "outer" => LinkKind::Outer,
            "matchfirstrowusingcrossapply" => LinkKind::First,
            "exists" | "in" | "any" | "not all" => LinkKind::Exists,
            "not any" => LinkKind::NotAny,
            "all" => LinkKind::All,
            other => return Err(invalid(format_args!("'{other}' is no link-type"))),
        };
        Some(Link { from: text(node, "from"), to: text(node, "to"), kind })
    } else {
        only(node, &["name", "alias", "enableprefiltering", "prefilterparametername"])?;
        None
    };
    let mut entity = Entity {
        name: required(node, "name")?,
        alias: text(node, "alias"),
        link,
        all: false,
        attributes: Vec::new(),
        orders: Vec::new(),
        filters: Vec::new(),
        links: Vec::new(),
    };
    for child in node.children().filter(Node::is_element) {
        match child.tag_name().name() {
            "all-attributes" => entity.all = true,
            "no-attrs" => {}
            "attribute" => entity.attributes.push(attribute(child)?),
            "order" => entity.orders.push(order(child)?),
            "filter" => entity.filters.push(filter(child)?),
            "link-entity" => entity.links.push(self::entity(child)?),
            other => {
                let within = node.tag_name().name();
                return Err(invalid(format_args!("'{other}' has no place in '{within}'")));
            }
        }
    }
    Ok(entity)
}

fn attribute(node: Node<'_, '_>) -> Result<Attribute, Refusal> {
    if node.attribute("rowaggregate").is_some() {
        return Err(refusal::not_emulated("The rowaggregate attribute of FetchXML"));
    }
    only(
        node,
        &[
            "name",
            "alias",
            "aggregate",
            "groupby",
            "distinct",
            "dategrouping",
            "usertimezone",
            "build",
            "addedby",
        ],
    )?;
    Ok(Attribute {
        name: required(node, "name")?,
        alias: text(node, "alias"),
        aggregate: text(node, "aggregate"),
        group_by: flag(node, "groupby")?,
        distinct: flag(node, "distinct")?,
        date_grouping: text(node, "dategrouping"),
    })
}

fn order(node: Node<'_, '_>) -> Result<Order, Refusal> {
    only(node, &["attribute", "alias", "entityname", "descending"])?;
    let order = Order {
        attribute: text(node, "attribute"),
        alias: text(node, "alias"),
        entity: text(node, "entityname"),
        descending: flag(node, "descending")?,
    };
    if order.attribute.is_none() && order.alias.is_none() {
        return Err(invalid("the 'order' element names an attribute or an alias"));
    }
    Ok(order)
}

fn filter(node: Node<'_, '_>) -> Result<Filter, Refusal> {
    only(
        node,
        &[
            "type",
            "hint",
            "isquickfindfields",
            "overridequickfindrecordlimitenabled",
            "overridequickfindrecordlimitdisabled",
        ],
    )?;
    let any = match node.attribute("type").unwrap_or("and") {
        "and" => false,
        "or" => true,
        other => return Err(invalid(format_args!("'{other}' is no type of a filter"))),
    };
    let parts: Result<_, _> = node
        .children()
        .filter(Node::is_element)
        .map(|child| match child.tag_name().name() {
            "condition" => condition(child).map(Part::Condition),
            "filter" => filter(child).map(Part::Filter),
            "link-entity" => entity(child).map(Part::Link),
            other => Err(invalid(format_args!("'{other}' has no place in 'filter'"))),
        })
        .collect();
    Ok(Filter { any, parts: parts? })
}

fn condition(node: Node<'_, '_>) -> Result<RawCondition, Refusal> {
    // Editors note in `uiname` and its kin how they show a condition.
    only(
        node,
        &[
            "entityname",
            "attribute",
            "operator",
            "value",
            "valueof",
            "column",
            "uiname",
            "uitype",
            "uihidden",
        ],
    )?;
    let mut values: Vec<String> = node.attribute("value").map(str::to_owned).into_iter().collect();
    for child in node.children().filter(Node::is_element) {
        expect_name(child, "value")?;
        values.push(child.text().unwrap_or_default().to_owned());
    }
    Ok(RawCondition {
        entity: text(node, "entityname"),
        attribute: required(node, "attribute")?,
        operator: required(node, "operator")?,
        values,
        value_of: text(node, "valueof"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_that_is_sent_brings_the_parser_down(text in ".{0,200}") {
            let _ = Fetch::parse(&text);
        }

        #[test]
        fn no_order_of_its_own_words_brings_the_parser_down(
            words in proptest::collection::vec(proptest::sample::select(vec![
                "<fetch", "<entity", "<filter", "<condition", "<link-entity", "<attribute", "<value", "</fetch", "</entity",
                "</filter", "</condition", "</value", "/", ">", " name='a'", " operator='eq'", " type='or'", " attribute='b'",
                " link-type='any'", " from='c' to='d'", " count='2'", "<!--", "-->", "<![CDATA[", "]]>", "&lt;", "&", "x",
            ]), 0..40)
        ) {
            let _ = Fetch::parse(&words.concat());
            let _ = Fetch::parse(&format!("<fetch><entity name='a'>{}</entity></fetch>", words.concat()));
        }
    }

    #[test]
    fn a_query_is_taken_apart() {
        let fetch = Fetch::parse(
            "<fetch top='3' distinct='true'><entity name='account'><attribute name='name' alias='n'/>\
             <order attribute='name' descending='true'/><filter type='or'>\
             <condition attribute='name' operator='eq' value='a &amp; b'/>\
             <condition attribute='x' operator='in'><value>1</value><value>2</value></condition></filter>\
             <link-entity name='contact' from='contactid' to='primarycontactid' link-type='outer'/></entity></fetch>",
        )
        .unwrap();
        assert_eq!((fetch.top, fetch.distinct, fetch.aggregate), (Some(3), true, false));
        let entity = fetch.entity;
        assert_eq!(entity.attributes[0].alias.as_deref(), Some("n"));
        assert!(entity.orders[0].descending && entity.filters[0].any);
        let Part::Condition(condition) = &entity.filters[0].parts[0] else { panic!() };
        assert_eq!(condition.values, ["a & b"]);
        let Part::Condition(condition) = &entity.filters[0].parts[1] else { panic!() };
        assert_eq!(condition.values, ["1", "2"]);
        assert_eq!(entity.links[0].link.as_ref().unwrap().kind, LinkKind::Outer);
    }

    #[test]
    fn what_is_no_query_is_refused() {
        for xml in [
            "",
            "<fetch/>",
            "<fetch><entity/></fetch>",
            "<fetch><entity name='a'></fetch>",
            "<fetch top='0'><entity name='a'/></fetch>",
            "<fetch><entity name='a'/><entity name='b'/></fetch>",
            "<fetch><entity name='a'><filter type='xor'/></entity></fetch>",
            "<fetch><entity name='a'><attribute nam='b'/></entity></fetch>",
            "<fetch><entity name='a'><surprise/></entity></fetch>",
            "<!DOCTYPE x [<!ENTITY a 'b'>]><fetch><entity name='&a;'/></fetch>",
        ] {
            assert!(Fetch::parse(xml).is_err(), "{xml}");
        }
        let deep = format!("<fetch><entity name='a'>{}", "<filter>".repeat(100_000));
        assert!(Fetch::parse(&deep).is_err());
    }
}
