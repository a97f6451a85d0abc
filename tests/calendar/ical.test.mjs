// Calendars of the demo person, as ical.js reads them; run by .ci/calendar.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import ICAL from "ical.js";

const { API, EMAIL, PASSWORD } = process.env;
const DAY = 86_400_000;
const TITLE = 'Sit; breathe, then "listen" \\n 🌿' + "é".repeat(150);
const authorization = {};

async function call(method, path, body) {
  const headers = { ...authorization, "Content-Type": "application/json" };
  const response = await fetch(API + path, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.status === 204 ? null : response.json();
}

async function events(titles) {
  const link = await call("POST", "/v1/calendar-links", { titles });
  const response = await fetch(link.url);
  assert.equal(response.headers.get("content-type"), "text/calendar; charset=utf-8");
  const calendar = new ICAL.Component(ICAL.parse(await response.text()));
  await call("DELETE", `/v1/calendar-links/${link.id}`);
  assert.equal((await fetch(link.url)).status, 404);
  assert.equal(calendar.getFirstPropertyValue("refresh-interval").toString(), "PT6H");
  return calendar.getAllSubcomponents("vevent").map((each) => new ICAL.Event(each));
}

before(async () => {
  const tokens = await call("POST", "/v1/auth/login", { email: EMAIL, password: PASSWORD });
  authorization.Authorization = `Bearer ${tokens.access_token}`;
});

test("the days of practices are those of today", async () => {
  const schedule = [{ from_on: "2026-11-02", rule: "FREQ=DAILY", times_per_week: null }];
  await call("POST", "/v1/practices", { title: TITLE, at: "02:30", schedule });
  const { ahead } = await call("GET", "/v1/today?days=14");
  const due = ahead.flatMap(({ day, practices }) =>
    practices.filter((each) => each.state === "ahead" && each.instant !== null).map((each) => ({ day, ...each })));
  assert.ok(due.length >= 14);
  const found = new Map((await events(false)).map((each) => [each.uid.split("@")[0], each]));
  for (const { practice_id, day, instant } of due) {
    const event = found.get(`${practice_id}-${day}`);
    assert.equal(event.startDate.toJSDate().getTime(), Date.parse(instant));
    assert.equal(event.startDate.zone, ICAL.Timezone.utcTimezone);
    assert.ok(event.duration.toSeconds() > 0);
    assert.equal(event.summary, "Practice");
  }
});

test("titles are read as they were written, and only with titles", async () => {
  const due_on = new Date(Date.now() + 7 * DAY).toISOString().slice(0, 10);
  const item = await call("POST", "/v1/action-items", { title: TITLE, change: "external", facet: "work", due_on });
  const scheduled_at = `${due_on}T09:30:00.000Z`;
  const session = await call("POST", "/v1/sessions", { kind: "integration", scheduled_at });
  const of = (found, id) => found.find((each) => each.uid.startsWith(id));
  const titled = await events(true);
  assert.equal(of(titled, item.id).summary, TITLE);
  assert.ok(of(titled, item.id).startDate.isDate);
  assert.equal(of(titled, item.id).startDate.toString(), due_on);
  assert.equal(of(titled, session.id).summary, "Appointment");
  assert.equal(of(titled, session.id).startDate.toJSDate().toISOString(), scheduled_at);
  const plain = await events(false);
  assert.deepEqual([...new Set(plain.map((each) => each.summary))].sort(), ["Appointment", "Practice", "To do"]);
  assert.equal(new Set(plain.map((each) => each.uid)).size, plain.length);
  assert.ok(plain.every((each) => !each.isRecurring()));
});
