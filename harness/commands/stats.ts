import type { Command } from 'commander';
import { LEVEL, PROBABILITY, parseNumber } from '../options/parse-number.ts';
import { countsReport, countsReportJson } from '../planning/counts-report.ts';
import { countsReportText } from '../planning/counts-text.ts';
import { parseCount } from '../stats/counts.ts';

interface StatsOptions {
  readonly reference: string;
  readonly treatment: string;
  readonly sham?: string;
  readonly p0?: string;
  readonly alpha: string;
  readonly json?: boolean;
}

/** Adds `soak stats`, a calculator for counts that people already have. */
export function registerStats(program: Command): void {
  program
    .command('stats')
    .description('Work out what counts of wedged runs say: exact tests, intervals and the verdict')
    .requiredOption('--reference <wedged/runs>', 'runs without the change, for example 6/20')
    .requiredOption('--treatment <wedged/runs>', 'runs with the change, for example 0/20')
    .option('--sham <wedged/runs>', "runs with the change's overhead but not its effect")
    .option(
      '--p0 <rate>',
      "reference rate that the binomial tail takes as known (default: the reference's own)",
    )
    .option('--alpha <level>', 'level of the verdict', '0.05')
    .option('--json', 'print JSON instead of text')
    .action((options: StatsOptions) => {
      const report = countsReport({
        reference: parseCount(options.reference, '--reference'),
        treatment: parseCount(options.treatment, '--treatment'),
        sham: options.sham === undefined ? null : parseCount(options.sham, '--sham'),
        p0: options.p0 === undefined ? null : parseNumber(options.p0, '--p0', PROBABILITY),
        alpha: parseNumber(options.alpha, '--alpha', LEVEL),
      });
      console.log(
        options.json ? JSON.stringify(countsReportJson(report), null, 2) : countsReportText(report),
      );
    });
}
