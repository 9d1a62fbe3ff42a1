// Adds another empty row to a formset. Without this script there is always one spare row.
"use strict";

for (const box of document.querySelectorAll("[data-formset]")) {
  const prefix = box.dataset.formset;
  const total = document.getElementById(`id_${prefix}-TOTAL_FORMS`);
  const most = Number(document.getElementById(`id_${prefix}-MAX_NUM_FORMS`).value);
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Add another";
  button.addEventListener("click", () => addRow(box, prefix, total, most, button));
  box.after(button);
}

function addRow(box, prefix, total, most, button) {
  const number = Number(total.value);
  const row = box.querySelector("[data-form]:last-child").cloneNode(true);
  for (const element of row.querySelectorAll("[id], [for], [name], [aria-describedby]")) {
    for (const attribute of ["id", "for", "name", "aria-describedby"]) {
      const value = element.getAttribute(attribute);
      if (value) element.setAttribute(attribute, value.replace(`${prefix}-${number - 1}-`, `${prefix}-${number}-`));
    }
  }
  for (const field of row.querySelectorAll("input, select")) field.value = "";
  for (const error of row.querySelectorAll(".error")) error.remove();
  box.append(row);
  total.value = String(number + 1);
  button.disabled = number + 1 >= most;
  row.querySelector("input, select").focus();
}
