// A tour in a few steps: a text at the foot of the page, and a frame around what it speaks of.

const TOUR = ["market", "verdict", "but", "trial", "results"];  // what each step speaks of

class Tour {
  constructor(page) {
    Object.assign(this, { page, step: -1 });
    byId("guide").onclick = () => this.go(0);
    byId("back").onclick = () => this.go(this.step - 1);
    byId("next").onclick = () => this.go(this.step + 1);
    byId("close").onclick = () => this.go(-1);
    byId("tour").onkeydown = ({ key }) => { if (key === "Escape") this.go(-1); };
  }

  go(step) {
    this.step = step < TOUR.length ? step : -1;
    this.tell();
    if (this.step < 0) { byId("guide").focus(); return; }
    const told = byId(TOUR[step]);
    told.scrollIntoView({ block: told.clientHeight > window.innerHeight ? "start" : "center" });
    const held = document.activeElement;
    if (held.disabled || !byId("tour").contains(held)) byId("next").focus();
  }

  tell() {
    const { step } = this;
    byId("tour").hidden = step < 0;
    for (const id of TOUR) byId(id).classList.toggle("told", id === TOUR[step]);
    byId("next").textContent = this.page.say(step + 1 < TOUR.length ? "next" : "close");
    if (step < 0) return;
    byId("step").textContent = `${step + 1}/${TOUR.length} ${this.page.say(`tour ${TOUR[step]}`)}`;
    byId("back").disabled = !step;
    byId("close").hidden = step + 1 === TOUR.length;  // which the next one is there
  }
}
