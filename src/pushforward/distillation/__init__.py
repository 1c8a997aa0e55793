"""A student that learns from a teacher: another flow, whose density is known."""

from pushforward.distillation._distill import Distilled, distill
from pushforward.distillation._report import StudentReport, student_report
from pushforward.distillation._turned import turned_round

__all__ = ["Distilled", "StudentReport", "distill", "student_report", "turned_round"]
