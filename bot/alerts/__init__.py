"""Messages to people (through an outbox, by Apprise), to machines (MQTT) and to the log."""

from bot.alerts.log import LogSink
from bot.alerts.mqtt import MqttPublisher
from bot.alerts.sender import AlertSender

__all__ = ["AlertSender", "LogSink", "MqttPublisher"]
