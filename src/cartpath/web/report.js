"use strict";
const places = Array.from(document.querySelectorAll(".figure"));
const settings = { displayModeBar: false, displaylogo: false, responsive: true, scrollZoom: false, plotlyServerURL: "" };
Promise.all(places.map((place) => {
  const figure = JSON.parse(document.getElementById(place.id + "-data").textContent);
  return Plotly.newPlot(place, figure.data, figure.layout, settings);
})).then(() => { document.documentElement.dataset.figures = String(places.length); });
