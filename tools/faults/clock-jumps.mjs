/**
 * Imported before the command: its wall clock jumps by up to two hours, forwards and backwards, five times a
 * second. The monotonic clock stays, as it does where a machine's time is set. Plain JavaScript, since the
 * installed command loads it.
 */
const RealDate = Date;
let offsetMs = 0;

setInterval(() => {
  offsetMs = Math.round((Math.random() - 0.5) * 4 * 3_600_000);
}, 200).unref();

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args) =>
    Reflect.construct(target, args.length === 0 ? [RealDate.now() + offsetMs] : args),
  get: (target, key) => (key === 'now' ? () => RealDate.now() + offsetMs : Reflect.get(target, key)),
});
