//! In which order the tables of a wave stand below each other.

use super::Drawing;
use super::layout::real;

/// With more tables than this, who looks for one looks along the alphabet; with fewer, short lines are worth more.
const MOST_BY_NEIGHBOURS: usize = 60;
/// Sweeps that order tables by the middle of their neighbours.
const SWEEPS: usize = 6;

/// The tables of each wave: by name where there are many, else so that lines are short.
pub(super) fn ordered(drawing: &Drawing<'_>) -> Vec<Vec<usize>> {
    if drawing.nodes.len() > MOST_BY_NEIGHBOURS { by_name(drawing) } else { by_neighbours(drawing) }
}

fn by_name(drawing: &Drawing<'_>) -> Vec<Vec<usize>> {
    let mut order = drawing.waves.clone();
    for nodes in &mut order {
        nodes.sort_by_key(|&node| drawing.nodes[node].name);
    }
    order
}

/// By the average height of the tables that a table has lines to, back and forth.
fn by_neighbours(drawing: &Drawing<'_>) -> Vec<Vec<usize>> {
    let mut neighbours: Vec<Vec<usize>> = vec![Vec::new(); drawing.nodes.len()];
    for line in drawing.kept.iter().chain(&drawing.waiting).filter(|line| line.tail != line.head) {
        neighbours[line.tail].push(line.head);
        neighbours[line.head].push(line.tail);
    }
    let mut order = by_name(drawing);
    for nodes in &mut order {
        // What has no line goes below what has.
        nodes.sort_by_key(|&node| neighbours[node].is_empty());
    }
    let mut height = vec![0.0; drawing.nodes.len()];
    let place = |nodes: &[usize], height: &mut Vec<f64>| {
        for (i, &node) in nodes.iter().enumerate() {
            height[node] = real(i);
        }
    };
    for nodes in &order {
        place(nodes, &mut height);
    }
    for sweep in 0..SWEEPS {
        for step in 0..order.len() {
            let wave = if sweep % 2 == 0 { step } else { order.len() - 1 - step };
            let middle = |node: usize| {
                let near = &neighbours[node];
                near.iter().map(|&other| height[other]).sum::<f64>() / real(near.len().max(1))
            };
            let mut nodes = order[wave].clone();
            nodes.sort_by(|&a, &b| {
                let (lonely_a, lonely_b) = (neighbours[a].is_empty(), neighbours[b].is_empty());
                lonely_a.cmp(&lonely_b).then(middle(a).total_cmp(&middle(b))).then(a.cmp(&b))
            });
            place(&nodes, &mut height);
            order[wave] = nodes;
        }
    }
    order
}
