/** The functions of jstat that the analyst calls; the package has no types of its own. */
declare module 'jstat' {
  interface Jstat {
    /** Regularised incomplete beta function I_x(a, b). */
    ibeta(x: number, a: number, b: number): number;
    /** Regularised lower incomplete gamma function P(a, x). */
    lowRegGamma(a: number, x: number): number;
    /** Complementary error function. */
    erfc(x: number): number;
  }
  const library: { readonly jStat: Jstat };
  export default library;
}
