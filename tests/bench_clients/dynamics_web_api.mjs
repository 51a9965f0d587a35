// npm dynamics-web-api, measured from inside: see `run`. It has no bulk create of its own; its generic action sends one.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const words = process.argv.slice(2);
const value = (name) => words[words.indexOf(name) + 1];
const [rows, batch, inFlight] = ["--rows", "--batch", "--in-flight"].map((name) => Number(value(name)));
const require = createRequire(`${process.env.MODULES}/package.json`);
const { DynamicsWebApi } = await import(pathToFileURL(require.resolve("dynamics-web-api")).href);
const api = new DynamicsWebApi({
    serverUrl: value("--url"),
    dataApi: { version: "9.2" },
    onTokenRefresh: async () => "user-1",
});

const row = (number) => ({
    subject: `Call Contoso Workshop and Sons about order ${number}`,
    description: 'They asked for an offer "as soon as possible", by e-mail.\nSecond line.',
    category: "Sales",
    subcategory: "Telephone",
    prioritycode: number % 3,
    percentcomplete: number % 101,
    actualdurationminutes: number % 600,
    scheduleddurationminutes: 30,
    scheduledstart: "2026-11-21T08:00:00Z",
    scheduledend: "2026-11-21T08:30:00Z",
});

async function send(first) {
    if (batch === 1) {
        await api.create({ collection: "tasks", data: row(first) });
        return 1;
    }
    const Targets = [];
    for (let number = first; number < first + batch; number++) {
        Targets.push({ "@odata.type": "Microsoft.Dynamics.CRM.task", ...row(number) });
    }
    const answer = await api.callAction({
        collection: "tasks",
        actionName: "Microsoft.Dynamics.CRM.CreateMultiple",
        action: { Targets },
    });
    return answer.Ids.length;
}

await api.callFunction("WhoAmI");
const began = process.hrtime.bigint();
const before = process.cpuUsage();
let next = 0;
let created = 0;
const worker = async () => {
    while (next < rows) {
        const first = next;
        next += batch;
        const made = await send(first);
        created += made;
    }
};
await Promise.all(Array.from({ length: inFlight }, worker));
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
const spent = process.cpuUsage(before);
if (created !== rows) throw new Error(`${created} of ${rows}`);
const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024;
console.log(JSON.stringify({ peak_mib: peak, seconds, rows_per_second: rows / seconds, cpu_us_per_row: (spent.user + spent.system) / rows }));
