/** Does the Java client do what every client does? The conformance kit asks, this driver answers. */
package weir.conformance;
