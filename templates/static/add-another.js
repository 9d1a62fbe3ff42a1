// Adds another empty row to a formset. Without this script there is always one spare row.
"use strict";

for (const box of document.querySelectorAll("[data-formset]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "add-another";
  button.textContent = "Add another";
  button.addEventListener("click", () => addRow(box, button));
  box.after(button);
}

function addRow(box, button) {
  const prefix = box.dataset.formset;
  const total = document.getElementById(`id_${prefix}-TOTAL_FORMS`);
  const most = Number(document.getElementById(`id_${prefix}-MAX_NUM_FORMS`).value);
  const row = document.querySelector(`template[data-row="${prefix}"]`);
  box.insertAdjacentHTML("beforeend", row.innerHTML.replaceAll("__prefix__", total.value));
  total.value = String(Number(total.value) + 1);
  button.disabled = Number(total.value) >= most;
  box.lastElementChild.querySelector("input, select").focus();
}
