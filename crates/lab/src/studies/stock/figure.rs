//! Throughput against clients, as a picture.

use std::path::Path;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;
use stanchion_stock::Strategy;

use super::cells::{CLIENTS, Cell, Cells, Method, Spread};
use crate::database::Database;

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const SIZE: (u32, u32) = (1500, 900);
const MOST_CLIENTS: f64 = 80.0;
/// What the axis of rates spans.
const RATES: (f64, f64) = (20.0, 200_000.0);

/// The lines, in their colours.
const LINES: [(Method, RGBColor); 7] = [
    (Method::Ours(Strategy::Optimistic), RGBColor(214, 39, 40)),
    (Method::Ours(Strategy::Pessimistic), RGBColor(255, 127, 14)),
    (Method::Ours(Strategy::Atomic), RGBColor(31, 119, 180)),
    (Method::Ours(Strategy::Batched), RGBColor(44, 160, 44)),
    (Method::Ours(Strategy::Adaptive), RGBColor(148, 103, 189)),
    (Method::Update, RGBColor(70, 70, 70)),
    (Method::Cte, RGBColor(170, 170, 170)),
];

/// Draws one panel for each database and spread.
pub(super) fn draw(cells: &Cells, path: &Path) -> anyhow::Result<()> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(failed)?;
    let panels = root.split_evenly((Database::ALL.len(), Spread::ALL.len()));
    let places = Database::ALL
        .into_iter()
        .flat_map(|database| Spread::ALL.map(|spread| (database, spread)));
    for (panel, (database, spread)) in panels.iter().zip(places) {
        draw_panel(panel, cells, database, spread).map_err(failed)?;
    }
    root.present().map_err(failed)
}

fn draw_panel<'a>(
    panel: &Panel<'a>,
    cells: &Cells,
    database: Database,
    spread: Spread,
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
    let title = format!("{}, {}", database.title(), spread.title());
    let mut chart = ChartBuilder::on(panel)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(
            (0.9..MOST_CLIENTS).log_scale(),
            (RATES.0..RATES.1).log_scale(),
        )?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("clients")
        .y_desc("reservations per second")
        .x_label_formatter(&|clients| format!("{clients:.0}"))
        .y_label_formatter(&|rate| format!("{rate:.0}"))
        .draw()?;
    for (method, colour) in LINES {
        let points = points(cells, database, spread, method);
        if points.is_empty() {
            continue;
        }
        let line = LineSeries::new(points, colour.stroke_width(2)).point_size(3);
        chart
            .draw_series(line)?
            .label(method.title())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .draw()
}

fn points(cells: &Cells, database: Database, spread: Spread, method: Method) -> Vec<(f64, f64)> {
    let point = |clients: usize| {
        let cell = Cell {
            database,
            spread,
            clients,
            method,
        };
        let rate = cells.get(cell)?.per_second;
        let clients = u32::try_from(clients).ok()?;
        // Nothing at all has no place on a logarithmic axis.
        Some((f64::from(clients), rate.clamp(RATES.0, RATES.1)))
    };
    CLIENTS.into_iter().filter_map(point).collect()
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the figure cannot be drawn: {error}")
}

#[cfg(test)]
mod tests {
    use super::super::cells::Measured;
    use super::*;

    #[test]
    fn a_figure_has_a_line_for_each_method_that_was_measured() {
        let mut cells = Cells::default();
        for clients in CLIENTS {
            let cell = Cell {
                database: Database::Sqlite,
                spread: Spread::Zipf,
                clients,
                method: Method::Ours(Strategy::Batched),
            };
            let measured = Measured {
                per_second: 1000.0,
                ..Measured::default()
            };
            cells.add(cell, measured);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stock.svg");
        draw(&cells, &path).unwrap();
        let svg = std::fs::read_to_string(path).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("100 SKUs, zipf"));
        assert!(svg.contains("batched") && !svg.contains("optimistic"));
    }
}
