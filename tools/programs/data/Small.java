import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
public class Small {
  interface Shape { double area(); }
  static class Square implements Shape { final double side; Square(double s) { side = s; } public double area() { return side * side; } }
  static class Circle implements Shape { final double radius; Circle(double r) { radius = r; } public double area() { return Math.PI * radius * radius; } }
  public static void main(String[] args) throws Exception {
    long sum = 0;
    for (int round = 0; round < 200; round++) for (int i = 0; i < 10000; i++) sum = (sum * 31 + i) % 1000003;
    System.out.println("hot " + sum);
    List<Shape> shapes = new ArrayList<>();
    for (int i = 1; i <= 1000; i++) shapes.add(i % 2 == 0 ? new Square(i) : new Circle(i));
    double area = 0;
    for (Shape s : shapes) area += s.area();
    System.out.printf("area %.3f%n", area);
    ExecutorService pool = Executors.newFixedThreadPool(4);
    List<Future<Integer>> parts = new ArrayList<>();
    for (int i = 0; i < 8; i++) { int n = i; parts.add(pool.submit(() -> IntStream.range(0, 1000 * n).filter(x -> x % 3 == 0).sum())); }
    for (Future<Integer> part : parts) System.out.print(part.get() + " ");
    pool.shutdown();
    System.out.println();
    String nothing = args.length > 5 ? "" : null;
    int caught = 0;
    for (int i = 0; i < 2000; i++) try { caught += nothing.length(); } catch (NullPointerException e) { caught++; }
    try { deep(0); } catch (StackOverflowError e) { caught++; }
    System.out.println("caught " + caught);
    List<byte[]> kept = new ArrayList<>();
    for (int i = 0; i < 4000; i++) { kept.add(new byte[10000]); if (kept.size() > 50) kept.remove(0); }
    System.gc();
    System.out.println(new TreeMap<>(Map.of("a", 1, "b", 2)) + " " + kept.size());
  }
  static int deep(int n) { return 1 + deep(n + 1); }
}
