import type { Command } from 'commander';
import { fittedText } from '../model/wrapped.ts';
import { addOptions } from '../options/add-options.ts';
import { parsedOptions } from '../options/given.ts';
import type { RawOptions } from '../options/table.ts';
import { countsReport, countsReportJson } from '../planning/counts-report.ts';
import { countsReportText } from '../planning/counts-text.ts';
import { parseCount } from '../stats/counts.ts';

/** Add `soak stats`, a calculator for counts that the user already has. */
export function registerStats(program: Command): void {
  addOptions(
    program.command('stats').description('Test counts that you already have: runs with an event, of runs'),
    'stats',
  ).action((raw: RawOptions<'stats'>) => {
    const { reference, treatment, sham, p0, alpha, json } = parsedOptions('stats', raw);
    const report = countsReport({
      reference: parseCount(reference, '--reference'),
      treatment: parseCount(treatment, '--treatment'),
      sham: sham === null ? null : parseCount(sham, '--sham'),
      p0,
      alpha,
    });
    console.log(
      json ? JSON.stringify(countsReportJson(report), null, 2) : fittedText(countsReportText(report)),
    );
  });
}
