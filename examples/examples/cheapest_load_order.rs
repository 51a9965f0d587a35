//! Orders Northwind's tables for loading, prints why, and draws the plan.
//!
//! ```console
//! $ cargo run --example cheapest_load_order
//! ```

use std::io::Write as _;

use load_sequence::{Association, Combination, Lookup, LookupGraph, Options, Table, picture, sequence};

fn main() -> anyhow::Result<()> {
    let mut graph = LookupGraph {
        tables: vec![
            Table::new("customers", 91),
            Table::new("employees", 9),
            Table::new("orders", 830),
            Table::new("order_details", 2_155),
            Table::new("products", 77),
            Table::new("suppliers", 29),
        ],
        lookups: vec![
            Lookup::new("orders", "customer_id", "customers", 830).required(),
            Lookup::new("orders", "employee_id", "employees", 830),
            Lookup::new("order_details", "order_id", "orders", 2_155).required().parental(),
            Lookup::new("order_details", "product_id", "products", 2_155).required(),
            Lookup::new("products", "supplier_id", "suppliers", 77),
            Lookup::new("employees", "reports_to", "employees", 8),
            // What closes cycles: customers remember their last order, employees their best customer and best order.
            Lookup::new("customers", "last_order_id", "orders", 89),
            Lookup::new("employees", "best_customer_id", "customers", 9),
            Lookup::new("employees", "best_order_id", "orders", 9),
            Lookup::new("customers", "contact_person_id", "employees", 60),
        ],
        associations: vec![Association {
            table: "employee_territories".into(),
            first: "employees".into(),
            second: "territories".into(),
            rows: 49,
        }],
        ..LookupGraph::default()
    };
    graph.tables.push(Table::new("territories", 53));
    // The same nine employees have both filled: deferring both costs nine updates, not eighteen.
    graph.combinations = vec![Combination::new(
        "employees",
        &[("best_customer_id", "customers"), ("best_order_id", "orders")],
        9,
    )];

    let plan = sequence(&graph, &Options::default())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", plan.headline())?;
    for why in &plan.explanations {
        let column = why.column.as_ref().map(|column| format!(".{column}")).unwrap_or_default();
        writeln!(out, "  {}{column}: {}", why.table, why.text)?;
    }
    for it in &plan.strategies {
        writeln!(
            out,
            "{:?}: {} rows written twice, {} impossible",
            it.strategy,
            it.cost,
            it.impossible.len()
        )?;
    }
    let path = std::env::temp_dir().join("northwind-plan.svg");
    std::fs::write(&path, picture::svg(&graph, &plan))?;
    writeln!(out, "the picture is in {}", path.display())?;
    Ok(())
}
