/** What a figure is called and what it says in words, for readers who do not see it. */
export interface FigureText {
  /** File name without theme and extension: `rates`, `survival`, … */
  readonly name: string;
  readonly title: string;
  /** One or two sentences with the figure's numbers; cleaned, on one line. */
  readonly alternative: string;
}
