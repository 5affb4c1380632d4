//! The ways against the number of servers, as a picture.

use std::path::Path;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::matrix::{Cells, Load, Measured};
use super::ways::Way;

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const SIZE: (u32, u32) = (1500, 450);
const MOST_SERVERS: f64 = 9.0;

/// The colours of the ways; one that is not here is grey.
const COLOURS: [(Way, RGBColor); 5] = [
    (Way::Central, RGBColor(31, 119, 180)),
    (Way::Cluster, RGBColor(255, 127, 14)),
    (Way::Leases, RGBColor(44, 160, 44)),
    (Way::Gossip, RGBColor(214, 39, 40)),
    (Way::Escrow, RGBColor(148, 103, 189)),
];
const OTHER: RGBColor = RGBColor(120, 120, 120);

/// What a panel shows, in which load, and what its axis spans.
struct Shown {
    title: &'static str,
    load: Load,
    spans: (f64, f64),
    of: fn(&Measured) -> f64,
}

const PANELS: [Shown; 3] = [
    Shown {
        title: "checks/s of a flood",
        load: Load::Flood,
        spans: (1e3, 1e8),
        of: |measured| measured.per_second,
    },
    Shown {
        title: "p99 below the rate, µs",
        load: Load::Below,
        spans: (0.1, 1e6),
        of: |measured| measured.p99_us,
    },
    Shown {
        title: "commands of Redis for a check below the rate",
        load: Load::Below,
        spans: (1e-4, 10.0),
        of: |measured| measured.commands_per_check,
    },
];

/// Draws the panels beside each other.
pub(super) fn draw(cells: &Cells, path: &Path) -> anyhow::Result<()> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(failed)?;
    let panels = root.split_evenly((1, PANELS.len()));
    for (panel, shown) in panels.iter().zip(&PANELS) {
        draw_panel(panel, cells, shown).map_err(failed)?;
    }
    root.present().map_err(failed)
}

fn draw_panel<'a>(
    panel: &Panel<'a>,
    cells: &Cells,
    shown: &Shown,
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
    let (least, most) = shown.spans;
    let mut chart = ChartBuilder::on(panel)
        .caption(shown.title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d((0.9..MOST_SERVERS).log_scale(), (least..most).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("servers")
        .x_label_formatter(&|servers| format!("{servers:.0}"))
        .y_label_formatter(&|value| format!("{value}"))
        .draw()?;
    for way in Way::ALL {
        let row = cells.row(way, shown.load).into_iter();
        // Nothing at all has no place on a logarithmic axis.
        let points: Vec<(f64, f64)> = row
            .map(|(servers, measured)| (servers.into(), (shown.of)(measured)))
            .filter(|(_, value)| *value > 0.0)
            .map(|(servers, value)| (servers, value.clamp(least, most)))
            .collect();
        if points.is_empty() {
            continue;
        }
        let known = COLOURS.into_iter().find(|(known, _)| *known == way);
        let colour = known.map_or(OTHER, |(_, colour)| colour);
        let line = LineSeries::new(points, colour.stroke_width(2)).point_size(3);
        chart
            .draw_series(line)?
            .label(way.title())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .draw()
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the figure cannot be drawn: {error}")
}

#[cfg(test)]
mod tests {
    use super::super::matrix::Cell;
    use super::*;

    #[test]
    fn a_figure_has_a_line_for_each_way_that_was_measured() {
        let mut cells = Cells::default();
        for servers in [1, 8] {
            let cell = Cell {
                way: Way::Leases,
                servers,
                load: Load::Below,
            };
            let measured = Measured {
                p99_us: 5.0,
                ..Measured::default()
            };
            cells.add(cell, measured);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("limiter.svg");
        draw(&cells, &path).unwrap();
        let svg = std::fs::read_to_string(path).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("p99 below the rate"));
        assert!(svg.contains("leases") && !svg.contains("cluster"));
    }
}
