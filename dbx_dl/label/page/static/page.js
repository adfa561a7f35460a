// One person at the page: which item shows, what is said of it, and that the page goes on once that is saved.

import { RefusedError, post } from "/api.js";
import { ClassButtons, colorOfClass } from "/classes.js";
import { Canvas } from "/drawing.js";
import { Outbox } from "/outbox.js";
import { describeCut, describeEnd, hideNotice, hint, notify, showProgress, showSaved, showSubject } from "/panel.js";
import { History } from "/person.js";
import { fromPosted, toPosted } from "/shapes.js";
import { Stage } from "/stage.js";

const RETRY_SECONDS = 3;
const byId = (id) => document.getElementById(id);

export class Page {
  constructor(subject, name) {
    Object.assign(this, { subject, name, item: null, isWaiting: false, warned: null });
    this.isShapes = subject.task === "boxes" || subject.task === "polygons";
    this.isSet = subject.task === "label_sets";
    this.history = new History(subject.project_id);
    // Another project's server may get this port, and must not get what belongs to this one.
    this.post = (path, value) => post(path, { ...value, project_id: subject.project_id });
    this.outbox = new Outbox(subject.project_id, { send: this.post, told: (news) => this.tellSaved(news) });
    this.stage = new Stage(subject.is_text);
    this.classes = new ClassButtons(byId("classes"), byId("filter"), subject.classes, (index) => this.choose(index));
    this.active = subject.classes[0];
    if (this.isShapes) this.canvas = this.makeCanvas();
    showSubject(subject, name);
  }

  makeCanvas() {
    const colorOf = (label) => colorOfClass(this.subject.classes.indexOf(label));
    const isPolygon = this.subject.task === "polygons";
    byId("overlay").removeAttribute("hidden");
    const canvas = new Canvas(byId("overlay"), { isPolygon, colorOf, getLabel: () => this.active, changed: () => this.change() });
    this.stage.resized = () => canvas.draw();
    return canvas;
  }

  // What was drawn or chosen is other than before: what was warned of does not hold any more.
  change() {
    this.warned = null;
    this.show();
  }

  // Whether the person can say something of what shows.
  get isReady() { return this.item !== null && !this.isWaiting && this.isShown; }

  // ---- which item ---------------------------------------------------------------------------------------------------

  // Ask until there is an answer, so that the page goes on by itself when the server is back.
  async ask(path, value) {
    for (;;) {
      try {
        const answer = await this.post(path, { annotator: this.name, ...value });
        if (this.isCut) this.hideNotice();
        return answer;
      } catch (error) {
        if (error instanceof RefusedError && !error.isPassing) throw error;
        this.isCut = true;
        notify(describeCut(error));
        await new Promise((resolve) => setTimeout(resolve, RETRY_SECONDS * 1000));
      }
    }
  }

  async next(extra = {}) {
    await this.move(async () => this.take(await this.ask("/api/next", extra)));
  }

  async open(key) {
    await this.move(async () => this.take(await this.ask("/api/open", { item_key: key })));
  }

  // One step at a time: what is typed meanwhile is not for the item that is leaving.
  async move(step) {
    if (this.isWaiting) return;
    this.isWaiting = true;
    this.stage.wait(true);
    try {
      await step();
    } catch (error) {
      notify(error.message);
    } finally {
      this.isWaiting = false;
      this.stage.wait(false);
      this.show();
    }
  }

  async take({ item, progress }) {
    this.item = item;
    this.warned = null;
    showProgress(progress);
    if (item === null) {
      this.showEnd(progress);
      return;
    }
    const { label, suggestion } = item;
    const suggestions = suggestion ? suggestion.labels : [];
    this.suggested = new Map(label ? [] : suggestions.map((one) => [one.label, one.probability]));
    this.chosen = new Set(label ? label.labels : []);
    this.isShown = await this.stage.show(item.position);
    if (this.isShapes) this.canvas.reset(this.startShapes(label, suggestion));
  }

  startShapes(label, suggestion) {
    const kind = this.subject.task;
    if (label) return label[kind].map((shape) => fromPosted(shape, false));
    return suggestion ? suggestion[kind].map((shape) => fromPosted(shape, true)) : [];
  }

  showEnd(progress) {
    const again = progress.num_skipped ? "show the skipped ones again" : progress.num_done < progress.num_items ? "look again" : null;
    this.stage.tell(describeEnd(progress), again, () => this.next({ is_skipped_wanted: true }));
  }

  // ---- what is said of it -------------------------------------------------------------------------------------------

  choose(index) {
    const name = this.subject.classes[index];
    if (!this.isReady || name === undefined) return;
    if (this.isShapes) {
      this.active = name;
      this.canvas.setLabel(name);
      this.show();
    } else if (this.isSet) {
      if (!this.chosen.delete(name)) this.chosen.add(name);
      this.suggested.delete(name);
      this.change();
    } else {
      this.save({ labels: [name] }, this.suggested.has(name));
    }
  }

  accept() {
    if (!this.isReady) return;
    if (this.isShapes) return this.canvas.accept();
    if (!this.suggested.size) return;
    if (!this.isSet) return this.confirm();
    for (const name of this.suggested.keys()) this.chosen.add(name);
    this.suggested.clear();
    this.change();
  }

  confirm() {
    if (!this.item) return this.stage.pressButton();
    if (!this.isReady) return;
    if (this.isShapes) return this.confirmShapes();
    if (this.isSet) return this.confirmSet();
    const [name] = this.chosen.size ? this.chosen : this.suggested.keys();
    if (name === undefined) return hint("choose a class");
    if (this.chosen.has(name)) return this.next();
    this.save({ labels: [name] }, true);
  }

  confirmSet() {
    const left = this.suggested.size;
    if (left && this.warn(`${left} suggested ${left === 1 ? "class is" : "classes are"} not taken: A takes, Enter leaves out`)) return;
    if (!left && !this.chosen.size && this.warn("nothing is chosen: Enter once more says that no class fits")) return;
    this.save({ labels: [...this.chosen].sort(byCodePoint) }, this.isSuggestedSet());
  }

  confirmShapes() {
    if (this.canvas.isBusy) {
      if (!this.canvas.closePolygon()) hint("an outline has three points at least; Esc gives it up");
      return;
    }
    const left = this.canvas.shapes.filter((shape) => shape.isSuggested).length;
    if (left && this.warn(`${left} suggested ${left === 1 ? "shape is" : "shapes are"} not taken: A takes, Enter leaves out`)) return;
    const said = this.canvas.shapes.filter((shape) => !shape.isSuggested);
    if (!left && !said.length && this.warn("nothing is drawn: Enter once more says that nothing is there")) return;
    const isAllSuggested = said.length > 0 && said.every((shape) => shape.wasSuggested);
    this.save({ [this.subject.task]: said.map(toPosted) }, isAllSuggested);
  }

  // Whether the set is exactly what was suggested.
  isSuggestedSet() {
    const names = (this.item.suggestion ? this.item.suggestion.labels : []).map((one) => one.label);
    return names.length > 0 && names.length === this.chosen.size && names.every((name) => this.chosen.has(name));
  }

  // The first time a hint and true; then false.
  warn(text) {
    const isNew = this.warned !== text;
    this.warned = isNew ? text : null;
    if (isNew) hint(text);
    return isNew;
  }

  async save(label, wasSuggested) {
    const key = this.item.key;
    const value = {
      label_id: makeId(), item_key: key, annotator: this.name, was_suggested: wasSuggested,
      had_suggestion: this.item.suggestion !== null, ...label,
    };
    await this.move(async () => {
      this.chosen = new Set(label.labels || []);
      this.show();
      await this.outbox.add("/api/labels", value);
      this.history.add(key, value.label_id);
      await this.take(await this.ask("/api/next", {}));
    });
  }

  async skip() {
    if (!this.item || this.isWaiting) return;
    this.history.add(this.item.key, null);
    await this.next({ skips: this.item.position });
  }

  async back() {
    const key = this.history.before(this.item ? this.item.key : null);
    if (key === null) return hint("there is nothing before this");
    await this.open(key);
  }

  async takeBack() {
    if (this.isWaiting) return;
    const last = this.history.popLabel();
    if (!last) return hint("there is nothing to take back");
    const value = { label_id: makeId(), item_key: last.key, annotator: this.name, withdraws: last.labelId };
    await this.move(async () => {
      await this.outbox.add("/api/withdraw", value);
      await this.take(await this.ask("/api/open", { item_key: last.key }));
    });
  }

  // ---- what shows ---------------------------------------------------------------------------------------------------

  show() {
    const isItem = this.item !== null;
    byId("key").textContent = isItem ? this.item.key : "";
    for (const id of ["accept", "confirm"]) byId(id).disabled = !this.isReady;
    byId("skip").disabled = !isItem || this.isWaiting;
    byId("back").disabled = this.history.before(isItem ? this.item.key : null) === null;
    byId("undo").disabled = !this.history.hasLabel;
    byId("classes").hidden = !isItem || !this.isShown;
    if (!isItem) return hint("");
    const isShapeSuggested = this.isShapes && this.canvas.shapes.some((shape) => shape.isSuggested);
    byId("accept").hidden = !(isShapeSuggested || (this.isSet && this.suggested.size > 0));
    if (this.isShapes) this.showTools();
    this.classes.show(this.isShapes ? new Set([this.active]) : this.chosen, this.isShapes ? new Map() : this.suggested);
    if (this.warned === null) hint(this.item.label ? "labelled by you; what you say now takes its place" : "");
  }

  showTools() {
    byId("edit-undo").disabled = !this.canvas.drawing.canUndo && !this.canvas.isBusy;
    byId("edit-redo").disabled = !this.canvas.drawing.canRedo;
    byId("edit-delete").disabled = this.canvas.selected === null && !this.canvas.isBusy;
    const shape = this.canvas.shapes[this.canvas.selected];
    if (shape) this.active = shape.label;
  }

  hideNotice() {
    this.isCut = false;
    hideNotice();
  }

  tellSaved({ state, count, answer, error, value }) {
    showSaved(state, count);
    if (answer) showProgress(answer.progress);
    if (state === "waiting") {
      this.isCut = true;
      notify(describeCut(error));
    }
    if (state === "refused") notify(`not kept, ${value.item_key}: ${error.message}`);
    if (state === "saved" && this.isCut) this.hideNotice();
  }

  // The item stays this person's.
  renew() {
    if (this.item) this.post("/api/renew", { annotator: this.name, position: this.item.position }).catch(() => {});
  }
}

// As Python sorts text.
function byCodePoint(a, b) {
  const [left, right] = [[...a], [...b]];
  const at = left.findIndex((char, i) => char !== right[i]);
  return at < 0 ? left.length - right.length : left[at].codePointAt(0) - (right[at] ?? "\0").codePointAt(0);
}

function makeId() { return crypto.randomUUID(); }
